import { preferCodecs, roomCodecs } from './codecs.ts';
import { offerDependencyDescriptor } from './extensions.ts';
import type { WireSeatMids, WireSeatState } from './protocol.ts';
import type { ParticipantId, Source } from './types.ts';

/** One audio and one video m-line in which we receive somebody. */
export interface Seat {
  readonly audio: RTCRtpTransceiver;
  readonly video: RTCRtpTransceiver;
  readonly stream: MediaStream;
}

/**
 * The receiving half of one RTCPeerConnection: the seats in the order of their creation, and who sits in them. Occupants
 * change by message; m-lines, tracks and streams stay.
 */
export class Seats {
  readonly #pc: RTCPeerConnection;
  #seats: Seat[] = [];
  #occupants: ReadonlyMap<Seat, WireSeatState> = new Map();

  constructor(pc: RTCPeerConnection) {
    this.#pc = pc;
  }

  get count(): number {
    return this.#seats.length;
  }

  get all(): readonly Seat[] {
    return this.#seats;
  }

  /** Makes seats. They are part of the next offer. */
  add(count: number): void {
    for (let i = 0; i < count; i++) {
      const audio = this.#pc.addTransceiver('audio', { direction: 'recvonly' });
      const video = this.#pc.addTransceiver('video', { direction: 'recvonly' });
      preferCodecs(audio, roomCodecs('audio', 'recvonly'));
      preferCodecs(video, roomCodecs('video', 'recvonly'));
      offerDependencyDescriptor(video);
      this.#seats.push({ audio, video, stream: new MediaStream([audio.receiver.track, video.receiver.track]) });
    }
  }

  /** Gives up the seats that no offer with them was accepted for. */
  dropUnanswered(): void {
    const unanswered = this.#seats.filter((seat) => seat.video.mid === null || seat.video.currentDirection === null);
    this.#seats = this.#seats.filter((seat) => !unanswered.includes(seat));
    for (const { audio, video } of unanswered) {
      audio.stop();
      video.stop();
    }
  }

  /** For an offer. */
  describe(): WireSeatMids[] {
    return this.#seats.flatMap(({ audio, video }) =>
      audio.mid === null || video.mid === null ? [] : [{ audio: audio.mid, video: video.mid }],
    );
  }

  /** The server's word on who sits where; it replaces the former. */
  occupy(states: readonly WireSeatState[]): void {
    const byMid = new Map(states.map((state) => [state.video, state]));
    const occupants = new Map<Seat, WireSeatState>();
    for (const seat of this.#seats) {
      const state = seat.video.mid === null ? undefined : byMid.get(seat.video.mid);
      if (state?.participant) {
        occupants.set(seat, state);
      }
    }
    this.#occupants = occupants;
  }

  /** The occupied seats, in the order of creation. */
  get occupied(): ReadonlyMap<Seat, WireSeatState> {
    return this.#occupants;
  }

  /** Whose track is received on this m-line now. */
  trackOf(mid: string): { readonly participant: ParticipantId; readonly source: Source } | undefined {
    for (const { audio, video, participant, source } of this.#occupants.values()) {
      if (participant && (audio === mid || video === mid)) {
        const screen = source === 'screen' || source === 'screen_audio';
        const [sound, picture] = screen ? (['screen_audio', 'screen'] as const) : (['microphone', 'camera'] as const);
        return { participant, source: audio === mid ? sound : picture };
      }
    }
    return undefined;
  }
}
