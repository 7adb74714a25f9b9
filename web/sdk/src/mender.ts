import type { Logger } from './types.ts';

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

export interface MenderOwner {
  /** Offers anew; resolves when answered. */
  negotiate(): Promise<void>;
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

  constructor(pc: RTCPeerConnection, owner: MenderOwner, logger: Logger | undefined) {
    this.#pc = pc;
    this.#owner = owner;
    this.#logger = logger;
    pc.onconnectionstatechange = () => {
      this.#stateChanged();
    };
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
      await this.#mend();
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
  }

  #stateChanged(): void {
    const state = this.#pc.connectionState;
    this.#logger?.debug('media connection state changed', { state });
    if (state === 'connected') {
      this.#back();
    } else if (state === 'failed') {
      void this.#mend();
    } else if (state === 'disconnected' && !this.#mending) {
      clearTimeout(this.#timer);
      const suspect = performance.now() < this.#suspectUntilMs;
      this.#timer = setTimeout(
        () => {
          void this.#mend();
        },
        suspect ? 0 : DISCONNECTED_FOR_MS,
      );
    }
  }

  async #mendUnlessMoreThan(before: number): Promise<void> {
    if (this.#pc.connectionState === 'connected' && (await this.#arrivals()) === before) {
      await this.#mend();
    }
  }

  async #mend(): Promise<void> {
    if (this.#closed || this.#mending) {
      return;
    }
    clearTimeout(this.#timer);
    this.#mending = true;
    this.#owner.onDown();
    this.#pc.restartIce();
    try {
      await this.#owner.negotiate();
    } catch (error) {
      this.#logger?.debug('ice restart refused', { error });
      this.#lose();
      return;
    }
    this.#await(await this.#arrivals(), performance.now() + MEND_MS);
  }

  /** A connection whose death the browser had not noticed stays `connected`: there only arrivals tell. */
  #await(before: number, untilMs: number): void {
    if (this.#closed || !this.#mending) {
      return;
    }
    this.#timer = setTimeout(() => {
      void this.#look(before, untilMs);
    }, LOOK_MS);
  }

  async #look(before: number, untilMs: number): Promise<void> {
    if (this.#pc.connectionState === 'connected' && (await this.#arrivals()) !== before) {
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

  /** How much has arrived so far: bytes, and answers to ICE checks. */
  async #arrivals(): Promise<number> {
    if (this.#closed) {
      return 0;
    }
    let arrivals = 0;
    for (const stat of (await this.#pc.getStats()).values() as Iterable<RTCIceCandidatePairStats>) {
      if (stat.type === 'candidate-pair') {
        arrivals += (stat.bytesReceived ?? 0) + (stat.responsesReceived ?? 0);
      }
    }
    return arrivals;
  }
}
