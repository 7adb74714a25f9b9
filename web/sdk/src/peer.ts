import { HirobaError } from './error.ts';
import { expectedCsrc, mediaList } from './media.ts';
import { Negotiator } from './negotiation.ts';
import { Pictures } from './pictures.ts';
import { CHAT_LABEL, FILE_LABEL } from './protocol.ts';
import type { Candidate, ClientMessage, ErrorMessage, WireSeatState } from './protocol.ts';
import { Publisher } from './publisher.ts';
import type { LocalTracks, SendCodecs } from './publisher.ts';
import { Seats } from './seats.ts';
import type { Seat } from './seats.ts';
import type { Logger, ParticipantId, RemoteMedia, Source } from './types.ts';

/** So many seats are added in one offer at most: each costs the browser and the server some milliseconds at once. */
const GROWTH = 4;
/** ICE often recovers by itself from a moment without packets. */
const DISCONNECTED_FOR_MS = 2000;
/** ICE asks the other side for consent more often than this (RFC 7675, section 5.1), so that something must arrive. */
const CONSENT_MS = 3500;
/** From the answer to an ICE restart until it must have worked. */
const MEND_MS = 5000;

export interface PeerOptions {
  readonly iceServers: readonly RTCIceServer[];
  readonly seats: number;
  readonly maxSeats: number;
  readonly codecs: SendCodecs;
  readonly local: LocalTracks;
  readonly logger?: Logger | undefined;
}

/** What a `Peer` tells its owner. */
export interface PeerOwner {
  send(message: ClientMessage): boolean;
  isMuted(participant: ParticipantId, source: Source): boolean;
  onMedia(media: readonly RemoteMedia[]): void;
  /** Nothing comes through, and an ICE restart is tried; it works again. */
  onDown(): void;
  onBack(): void;
  /** It could not be mended. Called once. */
  onLost(): void;
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
  readonly #owner: PeerOwner;
  readonly #logger: Logger | undefined;
  readonly #maxSeats: number;
  readonly #pictures: Pictures<Seat>;
  #media: readonly RemoteMedia[] = [];
  #wantedSeats: number;
  #growing = false;
  #candidates: RTCIceCandidateInit[] = [];
  #mending = false;
  #mendTimer: ReturnType<typeof setTimeout> | undefined;
  #checkTimer: ReturnType<typeof setTimeout> | undefined;
  #done = false;

  constructor(options: PeerOptions, owner: PeerOwner) {
    this.#owner = owner;
    this.#logger = options.logger;
    this.#maxSeats = options.maxSeats;
    this.#wantedSeats = Math.min(options.seats, options.maxSeats);
    this.createdAtMs = performance.now();
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [...options.iceServers] });
    this.publisher = new Publisher(this.pc, options.codecs);
    this.seats = new Seats(this.pc);
    this.#pictures = new Pictures(() => {
      this.updateMedia();
    });
    this.negotiator = new Negotiator(
      this.pc,
      () => ({ seats: this.seats.describe(), tracks: this.publisher.describe() }),
      (offer) => {
        owner.send(offer);
      },
    );
    // What we send comes first in every offer, so that the seats' m-lines keep their order when more are added.
    for (const [source, track] of options.local) {
      this.publisher.add(source, track);
    }
    this.seats.add(this.#wantedSeats);
    this.chat = this.pc.createDataChannel(CHAT_LABEL);
    this.file = this.pc.createDataChannel(FILE_LABEL);
    this.file.binaryType = 'arraybuffer';
    this.pc.onicecandidate = (event) => {
      this.#trickle(event.candidate);
    };
    this.pc.onconnectionstatechange = () => {
      this.#connectionStateChanged();
    };
  }

  get media(): readonly RemoteMedia[] {
    return this.#media;
  }

  /** The answer to an offer, after which held-back candidates can be used. */
  async answered(id: number, sdp: string): Promise<void> {
    await this.negotiator.answer({ type: 'answer', id, sdp });
    const candidates = this.#candidates;
    this.#candidates = [];
    await Promise.all(candidates.map((candidate) => this.#addCandidate(candidate)));
  }

  /** A candidate of the server. */
  async candidate({ candidate, sdpMid, sdpMLineIndex, usernameFragment }: Candidate): Promise<void> {
    const init: RTCIceCandidateInit = {
      candidate,
      ...(sdpMid === undefined ? {} : { sdpMid }),
      ...(sdpMLineIndex === undefined ? {} : { sdpMLineIndex }),
      ...(usernameFragment === undefined ? {} : { usernameFragment }),
    };
    if (this.pc.remoteDescription) {
      await this.#addCandidate(init);
    } else {
      this.#candidates.push(init);
    }
  }

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

  /**
   * The socket was lost and is back, perhaps through another network: finds out whether anything still arrives here, and
   * mends it if not. Browsers themselves take some ten seconds to notice.
   */
  async check(): Promise<void> {
    clearTimeout(this.#checkTimer);
    const before = await this.#arrivals();
    this.#checkTimer = setTimeout(() => {
      void this.#mendUnless(before);
    }, CONSENT_MS);
  }

  close(): void {
    if (this.#done) {
      return;
    }
    this.#done = true;
    clearTimeout(this.#mendTimer);
    clearTimeout(this.#checkTimer);
    this.pc.onicecandidate = null;
    this.pc.onconnectionstatechange = null;
    this.#pictures.close();
    this.negotiator.close();
    this.pc.close();
  }

  #trickle(candidate: RTCIceCandidate | null): void {
    if (candidate?.candidate) {
      const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
      this.#owner.send({
        type: 'candidate',
        candidate: candidate.candidate,
        ...(sdpMid === null ? {} : { sdpMid }),
        ...(sdpMLineIndex === null ? {} : { sdpMLineIndex }),
        ...(usernameFragment === null ? {} : { usernameFragment }),
      });
    }
  }

  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      await this.pc.addIceCandidate(candidate);
    } catch (error) {
      this.#logger?.warn('candidate not usable', { error });
    }
  }

  #connectionStateChanged(): void {
    const state = this.pc.connectionState;
    this.#logger?.debug('media connection state changed', { state });
    if (state === 'connected') {
      clearTimeout(this.#mendTimer);
      if (this.#mending) {
        this.#mending = false;
        this.#owner.onBack();
      }
    } else if (state === 'failed') {
      void this.#mend();
    } else if (state === 'disconnected' && !this.#mending) {
      this.#mendTimer = setTimeout(() => {
        void this.#mend();
      }, DISCONNECTED_FOR_MS);
    }
  }

  /** Mends the connection unless more has arrived. */
  async #mendUnless(before: number): Promise<void> {
    if ((await this.#arrivals()) === before && this.pc.connectionState !== 'connecting') {
      await this.#mend();
    }
  }

  /** How much has arrived so far: bytes, and answers to ICE checks. */
  async #arrivals(): Promise<number> {
    let arrivals = 0;
    for (const stat of this.#done ? [] : ((await this.pc.getStats()).values() as Iterable<RTCIceCandidatePairStats>)) {
      if (stat.type === 'candidate-pair') {
        arrivals += (stat.bytesReceived ?? 0) + (stat.responsesReceived ?? 0);
      }
    }
    return arrivals;
  }

  /**
   * Restarts ICE, unless that is under way: same session, same tracks, a new way through the network. While there is no
   * socket the offer waits for `resend`.
   */
  async #mend(): Promise<void> {
    if (this.#done || this.#mending) {
      return;
    }
    clearTimeout(this.#mendTimer);
    this.#mending = true;
    this.#owner.onDown();
    this.pc.restartIce();
    try {
      await this.negotiator.request();
    } catch (error) {
      this.#logger?.debug('ice restart refused', { error });
      this.#lose();
      return;
    }
    if (this.#isMending()) {
      this.#mendTimer = setTimeout(() => {
        this.#lose();
      }, MEND_MS);
    }
  }

  #isMending(): boolean {
    return this.#mending && !this.#done;
  }

  #lose(): void {
    if (!this.#done) {
      this.pc.onconnectionstatechange = null;
      this.#owner.onLost();
    }
  }
}
