import { preferCodecs, roomCodecs, videoCodec } from './codecs.ts';
import type { PreferredCodec } from './codecs.ts';
import { EncodingControl } from './control.ts';
import { ALL_LAYERS, cameraEncodings } from './encodings.ts';
import type { CameraEncoding, Encoding, Size } from './encodings.ts';
import { offerDependencyDescriptor } from './extensions.ts';
import type { WireTrackMid } from './protocol.ts';
import type { Logger, Source, VideoCodec } from './types.ts';

/**
 * What we want to send, apart from any connection: it outlives RTCPeerConnections. A source that is present has (or
 * gets) a transceiver; its value is null while it is muted.
 */
export type LocalTracks = ReadonlyMap<Source, MediaStreamTrack | null>;

/** How to send, where there is a choice. */
export interface SendOptions {
  readonly cameraCodec?: VideoCodec | undefined;
  readonly screenCodec?: VideoCodec | undefined;
  readonly simulcast: boolean;
  readonly scalabilityMode: string;
  readonly screenScalabilityMode?: string | undefined;
  /** Of the microphone, as is DTX: other sound is no speech. */
  readonly redundantAudio: boolean;
  readonly dtx: boolean;
  readonly logger?: Logger | undefined;
}

/** One source on its m-line. */
interface Line {
  readonly transceiver: RTCRtpTransceiver;
  /** Of pictures. */
  readonly control?: EncodingControl;
}

/**
 * The sending half of one RTCPeerConnection: one sendonly transceiver for each source, made once and kept. Muting is
 * `replaceTrack(null)`, and encoding only what somebody wants is `setParameters`; neither needs negotiation.
 */
export class Publisher {
  readonly #pc: RTCPeerConnection;
  readonly #options: SendOptions;
  readonly #lines = new Map<Source, Line>();
  readonly #told = new Map<Source, boolean>();
  /** The highest encoding of each source that somebody wants. */
  readonly #highest = new Map<Source, number>();

  constructor(pc: RTCPeerConnection, options: SendOptions) {
    this.#pc = pc;
    this.#options = options;
  }

  has(source: Source): boolean {
    return this.#lines.has(source);
  }

  /** Makes the m-line of a source. It is part of the next offer. */
  add(source: Source, track: MediaStreamTrack | null): void {
    const kind = kindOf(source);
    hintContent(source, track);
    const codecs = roomCodecs(kind, 'sendonly', this.#codecOf(source));
    const encodings = this.#encodings(source, videoCodec(codecs[0]));
    const transceiver = this.#addTransceiver(track ?? kind, encodings(track));
    preferCodecs(transceiver, codecs);
    if (kind === 'audio') {
      this.#lines.set(source, { transceiver });
      return;
    }
    offerDependencyDescriptor(transceiver);
    const { sender } = transceiver;
    const control = new EncodingControl(sender, encodings, this.#options.logger);
    this.#lines.set(source, { transceiver, control });
  }

  /** Sends another track, or nothing. */
  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    hintContent(source, track);
    const line = this.#lines.get(source);
    await line?.transceiver.sender.replaceTrack(track);
    line?.control?.update();
  }

  /** The server says up to which encoding, counted from 0, somebody wants a source: -1 for none. */
  limit(source: Source, highest: number): void {
    this.#highest.set(source, highest);
    this.#lines.get(source)?.control?.update();
  }

  /** For an offer: every m-line that we send on, and whether it is muted now. The server then knows. */
  describe(): WireTrackMid[] {
    return [...this.#lines].flatMap(([source, { transceiver }]) => {
      const { mid, sender } = transceiver;
      if (mid === null) {
        return [];
      }
      const muted = sender.track === null;
      this.#told.set(source, muted);
      return [{ mid, source, muted }];
    });
  }

  /**
   * The sources whose mute state is not what the server was told. None before the offer that announces a source: that
   * carries the state itself.
   */
  untold(): { source: Source; muted: boolean }[] {
    return [...this.#told].flatMap(([source, told]) => {
      const muted = this.#lines.get(source)?.transceiver.sender.track === null;
      return muted === told ? [] : [{ source, muted }];
    });
  }

  told(source: Source, muted: boolean): void {
    this.#told.set(source, muted);
  }

  /** Whose m-line this is. */
  sourceOf(mid: string): Source | undefined {
    for (const [source, { transceiver }] of this.#lines) {
      if (transceiver.mid === mid) {
        return source;
      }
    }
    return undefined;
  }

  /** The m-lines on which the browser may fall silent when there is nothing to hear. */
  get quietMids(): readonly string[] {
    const mid = this.#options.dtx ? this.#lines.get('microphone')?.transceiver.mid : undefined;
    return mid ? [mid] : [];
  }

  #codecOf(source: Source): PreferredCodec | undefined {
    switch (source) {
      case 'microphone':
        return this.#options.redundantAudio ? 'red' : 'opus';
      case 'screen_audio':
        return 'opus';
      case 'camera':
        return this.#options.cameraCodec;
      case 'screen':
        return this.#options.screenCodec;
    }
  }

  /** What to send of a source now, when this is its track. */
  #encodings(source: Source, codec: VideoCodec | undefined): (track: MediaStreamTrack | null) => Encoding[] {
    const { simulcast, scalabilityMode, screenScalabilityMode } = this.#options;
    const how: CameraEncoding = { codec, simulcast, scalabilityMode };
    return (track) => {
      const highest = this.#highest.get(source) ?? ALL_LAYERS;
      return source === 'camera'
        ? cameraEncodings(how, sizeOf(track), highest)
        : [singleEncoding(source, highest, screenScalabilityMode)];
    };
  }

  /** A browser may refuse a scalability mode that none of its codecs has: then it is asked for less. */
  #addTransceiver(
    trackOrKind: MediaStreamTrack | 'audio' | 'video',
    encodings: readonly Encoding[],
  ): RTCRtpTransceiver {
    const add = (sendEncodings: Encoding[]): RTCRtpTransceiver =>
      this.#pc.addTransceiver(trackOrKind, { direction: 'sendonly', sendEncodings });
    const withoutMode = encodings.map((encoding) => {
      const plain = { ...encoding };
      delete plain.scalabilityMode;
      return plain;
    });
    if (encodings.some(({ scalabilityMode }) => scalabilityMode !== undefined)) {
      const temporalOnly = withoutMode.map((encoding) => ({ ...encoding, scalabilityMode: 'L1T3' }));
      for (const attempt of [[...encodings], temporalOnly]) {
        try {
          return add(attempt);
        } catch (error) {
          this.#options.logger?.warn('scalability mode refused', {
            mode: attempt[0]?.scalabilityMode,
            error: String(error),
          });
        }
      }
    }
    return add(withoutMode);
  }
}

/** Whether a source is heard or seen. */
export function kindOf(source: Source): 'audio' | 'video' {
  return source === 'microphone' || source === 'screen_audio' ? 'audio' : 'video';
}

/** How everything but cameras is encoded. */
function singleEncoding(source: Source, highest: number, screenScalabilityMode: string | undefined): Encoding {
  const maxBitrates = { microphone: 48_000, screen_audio: 128_000, camera: 1_500_000, screen: 2_500_000 };
  const encoding = { active: true, maxBitrate: maxBitrates[source] };
  if (kindOf(source) === 'audio') {
    return encoding;
  }
  const video = { ...encoding, active: highest >= 0, scaleResolutionDownBy: 1 };
  return screenScalabilityMode === undefined ? video : { ...video, scalabilityMode: screenScalabilityMode };
}

/** How large a camera's pictures are, as far as the browser says. */
function sizeOf(track: MediaStreamTrack | null): Size | undefined {
  const { width = 0, height = 0 } = track?.getSettings() ?? {};
  return width > 0 && height > 0 ? { width, height } : undefined;
}

/** Sharp text matters more than smooth motion on a screen, unless the page has said otherwise. */
function hintContent(source: Source, track: MediaStreamTrack | null): void {
  if (source === 'screen' && track?.contentHint === '') {
    track.contentHint = 'detail';
  }
}
