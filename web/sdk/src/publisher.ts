import { preferCodecs } from './codecs.ts';
import { offerDependencyDescriptor } from './extensions.ts';
import type { WireTrackMid } from './protocol.ts';
import type { Source, VideoCodec } from './types.ts';

/**
 * What we want to send, apart from any connection: it outlives RTCPeerConnections. A source that is present has (or
 * gets) a transceiver; its value is null while it is muted.
 */
export type LocalTracks = ReadonlyMap<Source, MediaStreamTrack | null>;

/** The codecs to send with, where there is a choice. */
export interface SendCodecs {
  readonly camera?: VideoCodec | undefined;
  readonly screen?: VideoCodec | undefined;
}

/**
 * The sending half of one RTCPeerConnection: one sendonly transceiver for each source, made once and kept. Muting is
 * `replaceTrack(null)`, which needs no negotiation.
 */
export class Publisher {
  readonly #pc: RTCPeerConnection;
  readonly #codecs: SendCodecs;
  readonly #transceivers = new Map<Source, RTCRtpTransceiver>();
  readonly #told = new Map<Source, boolean>();

  constructor(pc: RTCPeerConnection, codecs: SendCodecs) {
    this.#pc = pc;
    this.#codecs = codecs;
  }

  has(source: Source): boolean {
    return this.#transceivers.has(source);
  }

  /** Makes the m-line of a source. It is part of the next offer. */
  add(source: Source, track: MediaStreamTrack | null): void {
    const kind = kindOf(source);
    hintContent(source, track);
    const transceiver = this.#pc.addTransceiver(track ?? kind, {
      direction: 'sendonly',
      sendEncodings: sendEncodings(source),
    });
    preferCodecs(transceiver, kind, source === 'screen' ? this.#codecs.screen : this.#codecs.camera);
    if (kind === 'video') {
      offerDependencyDescriptor(transceiver);
    }
    this.#transceivers.set(source, transceiver);
  }

  /** Sends another track, or nothing. */
  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    hintContent(source, track);
    await this.#transceivers.get(source)?.sender.replaceTrack(track);
  }

  /** For an offer: every m-line that we send on, and whether it is muted now. The server then knows. */
  describe(): WireTrackMid[] {
    return [...this.#transceivers].flatMap(([source, { mid, sender }]) => {
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
      const muted = this.#transceivers.get(source)?.sender.track === null;
      return muted === told ? [] : [{ source, muted }];
    });
  }

  told(source: Source, muted: boolean): void {
    this.#told.set(source, muted);
  }

  /** Whose m-line this is. */
  sourceOf(mid: string): Source | undefined {
    for (const [source, transceiver] of this.#transceivers) {
      if (transceiver.mid === mid) {
        return source;
      }
    }
    return undefined;
  }
}

/** Whether a source is heard or seen. */
export function kindOf(source: Source): 'audio' | 'video' {
  return source === 'microphone' || source === 'screen_audio' ? 'audio' : 'video';
}

/** How each source is encoded. This is the place for simulcast: several entries with a `rid` and `scaleResolutionDownBy`. */
function sendEncodings(source: Source): RTCRtpEncodingParameters[] {
  switch (source) {
    case 'camera':
      return [{ maxBitrate: 1_200_000 }];
    case 'screen':
      return [{ maxBitrate: 2_500_000 }];
    case 'microphone':
      return [{ maxBitrate: 48_000 }];
    case 'screen_audio':
      return [{ maxBitrate: 128_000 }];
  }
}

/** Sharp text matters more than smooth motion on a screen, unless the page has said otherwise. */
function hintContent(source: Source, track: MediaStreamTrack | null): void {
  if (source === 'screen' && track?.contentHint === '') {
    track.contentHint = 'detail';
  }
}
