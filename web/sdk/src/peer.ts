import { allowDtx } from './dtx.ts';
import { HirobaError } from './error.ts';
import { expectedCsrc, mediaList } from './media.ts';
import { Mender } from './mender.ts';
import type { MenderOwner } from './mender.ts';
import { Negotiator } from './negotiation.ts';
import { Pictures } from './pictures.ts';
import { CHAT_LABEL, FILE_LABEL } from './protocol.ts';
import type { Answer, Candidate, ClientMessage, ErrorMessage, Ping, ServerMessage, WireSeatState } from './protocol.ts';
import { Publisher } from './publisher.ts';
import type { LocalTracks, SendOptions } from './publisher.ts';
import { Seats } from './seats.ts';
import type { Seat } from './seats.ts';
import { Trickle } from './trickle.ts';
import type { Logger, ParticipantId, RemoteMedia, Source } from './types.ts';

/** So many seats are added in one offer at most: each costs the browser and the server some milliseconds at once. */
const GROWTH = 4;
/** Nothing is asked for through a chat channel in which so many bytes wait. */
const MAX_BUFFERED = 4096;

export interface PeerOptions {
  readonly iceServers: readonly RTCIceServer[];
  readonly seats: number;
  readonly maxSeats: number;
  readonly send: SendOptions;
  readonly local: LocalTracks;
  readonly logger?: Logger | undefined;
}

/** What a `Peer` tells its owner. */
export interface PeerOwner extends Pick<MenderOwner, 'onDoubt' | 'onDown' | 'onBack' | 'onLost'> {
  send(message: ClientMessage): boolean;
  isMuted(participant: ParticipantId, source: Source): boolean;
  onMedia(media: readonly RemoteMedia[]): void;
  onError(error: HirobaError): void;
}

/**
 * One RTCPeerConnection with everything on it: what we send, the seats, the data channels, the negotiation. It lives as
 * long as its session on the server; the next session gets a new one.
 */
export class Peer {
  readonly pc: RTCPeerConnection;
  readonly chat: RTCDataChannel;
  readonly file: RTCDataChannel;
  readonly publisher: Publisher;
  readonly seats: Seats;
  readonly negotiator: Negotiator;
  /** When the RTCPeerConnection was made, by `performance.now()`. */
  readonly createdAtMs: number;
  firstFrameNoted = false;
  #owner: PeerOwner;
  readonly #trickle: Trickle;
  readonly #mender: Mender;
  readonly #maxSeats: number;
  readonly #pictures: Pictures<Seat>;
  #media: readonly RemoteMedia[] = [];
  #wantedSeats: number;
  #growing = false;
  #restarts = 0;
  #done = false;

  constructor(options: PeerOptions, owner: PeerOwner) {
    this.#owner = owner;
    this.#maxSeats = options.maxSeats;
    this.#wantedSeats = Math.min(options.seats, options.maxSeats);
    this.createdAtMs = performance.now();
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [...options.iceServers] });
    this.publisher = new Publisher(this.pc, options.send);
    this.seats = new Seats(this.pc);
    this.#pictures = new Pictures(() => {
      this.updateMedia();
    });
    this.negotiator = new Negotiator(
      this.pc,
      () => ({ seats: this.seats.describe(), tracks: this.publisher.describe() }),
      (offer) => {
        this.#owner.send(offer);
      },
      (sdp) => allowDtx(sdp, this.publisher.quietMids),
    );
    // What we send comes first in every offer, so that the seats' m-lines keep their order when more are added.
    for (const [source, track] of options.local) {
      this.publisher.add(source, track);
    }
    this.seats.add(this.#wantedSeats);
    this.chat = this.pc.createDataChannel(CHAT_LABEL);
    this.file = this.pc.createDataChannel(FILE_LABEL);
    this.file.binaryType = 'arraybuffer';
    this.#trickle = new Trickle(this.pc, (candidate) => this.#owner.send(candidate), options.logger);
    this.#mender = new Mender(
      this.pc,
      {
        negotiate: (reason) => {
          this.#restarts++;
          return this.negotiator.request(reason);
        },
        ask: () => this.#ask(),
        onDoubt: () => {
          this.#owner.onDoubt();
        },
        onDown: () => {
          this.#owner.onDown();
        },
        onBack: () => {
          this.#owner.onBack();
        },
        onLost: () => {
          this.#owner.onLost();
        },
      },
      options.logger,
    );
  }

  /** From now on somebody else is told. */
  handTo(owner: PeerOwner): void {
    this.#owner = owner;
  }

  /** Takes what the server says about the connection; other messages mean nothing here. */
  received(message: ServerMessage): void {
    switch (message.type) {
      case 'answer':
        void this.answered(message);
        break;
      case 'candidate':
        void this.candidate(message);
        break;
      case 'seats':
        this.occupy(message.seats ?? []);
        break;
      case 'need_seats':
        void this.growSeats(message.seats);
        break;
      case 'layers':
        this.publisher.limit(message.source, message.highest);
        break;
      case 'error':
        if (message.re === 'offer') {
          void this.refused(message);
        }
        break;
      default:
    }
  }

  /** What is received is not heard any more. */
  silence(): void {
    for (const { audio } of this.seats.all) {
      audio.receiver.track.enabled = false;
    }
  }

  /** For the next ICE restart: credentials that are old may have expired. */
  useServers(iceServers: readonly RTCIceServer[]): void {
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: [...iceServers] });
  }

  /** How often ICE was restarted. */
  get restarts(): number {
    return this.#restarts;
  }

  get media(): readonly RemoteMedia[] {
    return this.#media;
  }

  async answered(answer: Answer): Promise<void> {
    await this.negotiator.answer(answer);
    await this.#trickle.answered();
  }

  /** A candidate of the server. */
  candidate(candidate: Candidate): Promise<void> {
    return this.#trickle.received(candidate);
  }

  /** The server refused an offer. */
  refused(error: ErrorMessage): Promise<void> {
    const { code, message, retryAfterMs } = error;
    return this.negotiator.refuse(error.id ?? '', new HirobaError(code, message, { retryAfterMs }));
  }

  /** Who sits where. */
  occupy(states: readonly WireSeatState[]): void {
    this.seats.occupy(states);
    this.updateMedia();
  }

  /** To be called when who is muted may have changed. */
  updateMedia(): void {
    const isMuted = (participant: ParticipantId, source: Source): boolean => this.#owner.isMuted(participant, source);
    for (const seat of this.seats.all) {
      const state = this.seats.occupied.get(seat);
      this.#pictures.expect(seat, seat.video.receiver, state ? expectedCsrc(state, isMuted) : 0);
    }
    this.#pictures.look();
    const views = [...this.seats.occupied].map(([seat, state]) => {
      return { stream: seat.stream, state, shown: this.#pictures.shown(seat) };
    });
    const media = mediaList(this.#media, views, isMuted);
    if (media !== this.#media) {
      this.#media = media;
      this.#owner.onMedia(media);
    }
  }

  /** The server wants to seat more people: adds seats, a few at a time, rounded up so as not to be asked for each. */
  async growSeats(total: number): Promise<void> {
    const wanted = Math.min(Math.ceil(total / GROWTH) * GROWTH, this.#maxSeats);
    this.#wantedSeats = Math.max(this.#wantedSeats, wanted);
    if (this.#growing) {
      return;
    }
    this.#growing = true;
    try {
      while (!this.#done && this.seats.count < this.#wantedSeats) {
        this.seats.add(Math.min(GROWTH, this.#wantedSeats - this.seats.count));
        await this.negotiator.request();
      }
    } catch (error) {
      if (!this.#done && error instanceof HirobaError) {
        this.seats.dropUnanswered();
        this.#wantedSeats = this.seats.count;
        this.#owner.onError(error);
      }
    } finally {
      this.#growing = false;
    }
  }

  /** Tells the server which tracks were muted or unmuted since it was last told. */
  tellMuted(): void {
    for (const { source, muted } of this.publisher.untold()) {
      if (this.#owner.send({ type: 'mute', source, muted })) {
        this.publisher.told(source, muted);
      }
    }
  }

  /** The session goes on over a new socket: repeats what may have been lost, and checks what may have broken with it. */
  resumed(): void {
    this.negotiator.resend();
    this.tellMuted();
    this.updateMedia();
    void this.#mender.check(this.#media.length > 0);
  }

  /** The network may have changed: checks whether media still comes through. */
  hint(): void {
    void this.#mender.hint();
  }

  /** Something comes back to this through the transport: the answer, and before it the receipt of SCTP. */
  #ask(): boolean {
    if (this.chat.readyState !== 'open' || this.chat.bufferedAmount > MAX_BUFFERED) {
      return false;
    }
    this.chat.send(JSON.stringify({ type: 'ping', time: performance.now() } satisfies Ping));
    return true;
  }

  close(): void {
    if (this.#done) {
      return;
    }
    this.#done = true;
    this.#mender.close();
    this.#trickle.close();
    this.#pictures.close();
    this.negotiator.close();
    this.pc.close();
  }
}
