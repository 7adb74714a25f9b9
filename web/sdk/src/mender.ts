import type { RestartReason } from './protocol.ts';
import type { Logger } from './types.ts';
import { Watch } from './watch.ts';
import type { Arrivals } from './watch.ts';

/** ICE often recovers by itself from a moment without packets. */
const DISCONNECTED_FOR_MS = 2000;
/** ICE asks the other side for consent more often than this (RFC 7675, section 5.1), so that something must arrive. */
const CONSENT_MS = 3500;
/** Where somebody is received, packets arrive all the time. */
const MEDIA_MS = 1000;
/** For so long after the socket broke a disconnected transport is not given time to recover by itself. */
const SUSPECT_FOR_MS = 10_000;
/** From the answer to an ICE restart until it must have worked, and how often to look. */
const MEND_MS = 5000;
const LOOK_MS = 250;
/** Silence that nothing explains is a reason to mend once in so long: it may be the server that is slow. */
const SPACING_MS = 10_000;

export interface MenderOwner {
  /** Offers anew, with the reason; resolves when answered. */
  negotiate(reason: RestartReason): Promise<void>;
  /** Asks the server for a sign of life through the transport. False if that cannot be done now. */
  ask(): boolean;
  /** Something is strange about the network: the WebSocket, too, should be asked for a sign of life. */
  onDoubt(): void;
  /** Nothing comes through, and an ICE restart is tried; it works again; it could not be mended (called once). */
  onDown(): void;
  onBack(): void;
  onLost(): void;
}

/**
 * Watches over the transport of an RTCPeerConnection and restarts ICE when nothing comes through: same session, same
 * tracks, a new way through the network. While there is no socket the offer waits to be repeated.
 */
export class Mender {
  readonly #pc: RTCPeerConnection;
  readonly #owner: MenderOwner;
  readonly #logger: Logger | undefined;
  #mending = false;
  #closed = false;
  #suspectUntilMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #checkTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #watch: Watch;
  #silentAtMs = -Infinity;
  #hinted = false;

  constructor(pc: RTCPeerConnection, owner: MenderOwner, logger: Logger | undefined) {
    this.#pc = pc;
    this.#owner = owner;
    this.#logger = logger;
    pc.onconnectionstatechange = () => {
      this.#stateChanged();
    };
    this.#watch = new Watch({
      arrivals: () => this.#arrivals(),
      ask: () => this.#isCalm && owner.ask(),
      onDoubt: () => {
        owner.onDoubt();
      },
      onSilent: () => {
        this.#silent();
      },
    });
  }

  /** The network has changed, or may have: finds out at once whether anything still comes through. */
  async hint(): Promise<void> {
    if (this.#pc.connectionState === 'disconnected') {
      await this.#mend('disconnected');
    } else if (this.#isCalm) {
      await this.#verify();
    }
  }

  /**
   * The socket was lost and is back, perhaps through another network: finds out whether anything still arrives here, and
   * mends it if not. Browsers themselves take up to ten seconds to notice.
   *
   * @param receiving Whether somebody is received, so that there should be packets all the time.
   */
  async check(receiving: boolean): Promise<void> {
    clearTimeout(this.#checkTimer);
    this.#suspectUntilMs = performance.now() + SUSPECT_FOR_MS;
    if (this.#pc.connectionState === 'disconnected') {
      await this.#mend('disconnected');
      return;
    }
    if (!this.#isCalm || (await this.#verify())) {
      return;
    }
    const before = await this.#arrivals();
    this.#checkTimer = setTimeout(
      () => {
        void this.#mendUnlessMoreThan(before);
      },
      receiving ? MEDIA_MS : CONSENT_MS,
    );
  }

  close(): void {
    this.#closed = true;
    this.#pc.onconnectionstatechange = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#checkTimer);
    this.#watch.close();
  }

  /** The transport should work: neither is it being made or mended, nor has the browser noticed anything. */
  get #isCalm(): boolean {
    return !this.#closed && !this.#mending && this.#pc.connectionState === 'connected';
  }

  async #verify(): Promise<boolean> {
    this.#hinted = true;
    const answer = await this.#watch.verify();
    this.#hinted = false;
    return answer;
  }

  #silent(): void {
    const nowMs = performance.now();
    if (this.#hinted || nowMs > this.#silentAtMs + SPACING_MS) {
      this.#silentAtMs = nowMs;
      void this.#mend(this.#hinted ? 'hinted' : 'silent');
    }
  }

  #stateChanged(): void {
    const state = this.#pc.connectionState;
    this.#logger?.debug('media connection state changed', { state });
    if (state === 'connected') {
      this.#back();
    } else if (state === 'failed') {
      void this.#mend('failed');
    } else if (state === 'disconnected' && !this.#mending) {
      clearTimeout(this.#timer);
      const suspect = performance.now() < this.#suspectUntilMs;
      this.#timer = setTimeout(
        () => {
          void this.#mend('disconnected');
        },
        suspect ? 0 : DISCONNECTED_FOR_MS,
      );
    }
  }

  async #mendUnlessMoreThan(before: Arrivals): Promise<void> {
    const { count, answers } = await this.#arrivals();
    if (this.#pc.connectionState === 'connected' && count === before.count && answers === before.answers) {
      await this.#mend('silent');
    }
  }

  async #mend(reason: RestartReason): Promise<void> {
    if (this.#closed || this.#mending) {
      return;
    }
    clearTimeout(this.#timer);
    this.#mending = true;
    this.#watch.reset();
    this.#logger?.debug('ice restarted', { reason });
    this.#owner.onDown();
    this.#pc.restartIce();
    // Without a socket the answer may take long, and it may have been a false alarm.
    let isAnswered = false;
    void this.#arrivals().then((before) => {
      if (!isAnswered) {
        this.#await(before, Infinity);
      }
    });
    try {
      await this.#owner.negotiate(reason);
      isAnswered = true;
    } catch (error) {
      this.#logger?.debug('ice restart refused', { error });
      this.#lose();
      return;
    }
    clearTimeout(this.#timer);
    this.#await(await this.#arrivals(), performance.now() + MEND_MS);
  }

  /** A connection whose death the browser had not noticed stays `connected`: there only arrivals tell. */
  #await(before: Arrivals, untilMs: number): void {
    if (this.#closed || !this.#mending) {
      return;
    }
    this.#timer = setTimeout(() => {
      void this.#look(before, untilMs);
    }, LOOK_MS);
  }

  async #look(before: Arrivals, untilMs: number): Promise<void> {
    const isConnected = this.#pc.connectionState === 'connected';
    const { count, answers } = await this.#arrivals();
    const asked = isConnected && this.#owner.ask();
    if (isConnected && (count !== before.count || (!asked && answers !== before.answers))) {
      this.#back();
    } else if (performance.now() > untilMs) {
      this.#lose();
    } else {
      this.#await(before, untilMs);
    }
  }

  #back(): void {
    clearTimeout(this.#timer);
    if (this.#mending && !this.#closed) {
      this.#mending = false;
      this.#owner.onBack();
    }
  }

  #lose(): void {
    if (!this.#closed) {
      this.close();
      this.#owner.onLost();
    }
  }

  /** How much has arrived so far. */
  async #arrivals(): Promise<Arrivals> {
    let count = 0;
    let answers = 0;
    let roundTripMs = 0;
    if (this.#closed) {
      return { count, answers, roundTripMs };
    }
    for (const stat of (await this.#pc.getStats()).values() as Iterable<RTCIceCandidatePairStats>) {
      if (stat.type === 'candidate-pair') {
        count += stat.bytesReceived ?? 0;
        answers += stat.responsesReceived ?? 0;
        roundTripMs = Math.max(roundTripMs, stat.nominated ? 1000 * (stat.currentRoundTripTime ?? 0) : 0);
      }
    }
    return { count, answers, roundTripMs };
  }
}
