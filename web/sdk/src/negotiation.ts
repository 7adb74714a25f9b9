import { HirobaError } from './error.ts';
import type { Answer, Offer, RestartReason } from './protocol.ts';

/** The part of RTCPeerConnection that negotiates. */
export interface Negotiable {
  createOffer(): Promise<RTCSessionDescriptionInit>;
  setLocalDescription(description: RTCLocalSessionDescriptionInit): Promise<void>;
  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>;
  readonly localDescription: RTCSessionDescription | null;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: HirobaError) => void;
}

interface Flight {
  readonly waiters: readonly Waiter[];
  offer?: Offer;
  answered: boolean;
}

/**
 * Offers and takes answers, one at a time. The browser always offers, so there is no glare and no rollback but of an
 * offer that was refused. Requests made while an offer is out are merged into one next offer.
 */
export class Negotiator {
  readonly #pc: Negotiable;
  readonly #describe: () => Pick<Offer, 'seats' | 'tracks'>;
  readonly #send: (offer: Offer) => void;
  readonly #amend: (sdp: string) => string;
  #flight: Flight | undefined;
  #queue: Waiter[] = [];
  /** Of the next offer. */
  #restart: RestartReason | undefined;
  #offers = 0;
  #answers = 0;
  #closed = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param describe Called when the m-lines of the offer have their MIDs.
   * @param send May lose the offer while there is no socket: `resend` repeats it.
   * @param amend What the browser is to read in an answer.
   */
  constructor(
    pc: Negotiable,
    describe: () => Pick<Offer, 'seats' | 'tracks'>,
    send: (offer: Offer) => void,
    amend: (sdp: string) => string = (sdp) => sdp,
  ) {
    this.#pc = pc;
    this.#describe = describe;
    this.#send = send;
    this.#amend = amend;
  }

  get offers(): number {
    return this.#offers;
  }

  get answers(): number {
    return this.#answers;
  }

  /**
   * Offers what the connection has now. Resolves when the answer to it was applied, rejects when it was refused.
   *
   * @param restart Why ICE is restarted with it.
   */
  request(restart?: RestartReason): Promise<void> {
    if (this.#closed) {
      return Promise.reject(closedError());
    }
    this.#restart = restart ?? this.#restart;
    return new Promise((resolve, reject) => {
      this.#queue.push({ resolve, reject });
      void this.#pump();
    });
  }

  /** Answers to anything but the offer that is out are ignored: after a resume one may come twice. */
  async answer(answer: Answer): Promise<void> {
    const flight = this.#flight;
    if (!flight || flight.answered || flight.offer?.id !== answer.id) {
      return;
    }
    flight.answered = true;
    try {
      await this.#pc.setRemoteDescription({ type: 'answer', sdp: this.#amend(answer.sdp) });
    } catch (error) {
      this.#land(flight, new HirobaError('bad_answer', 'the browser did not take the answer', { cause: error }));
      return;
    }
    this.#answers++;
    this.#land(flight);
  }

  /** The server refused the offer of this ID: for good, or because it came too soon after others. */
  async refuse(id: string, error: HirobaError): Promise<void> {
    const flight = this.#flight;
    if (!flight || flight.answered || String(flight.offer?.id) !== id) {
      return;
    }
    if (error.retryAfterMs !== undefined) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => {
        this.resend();
      }, error.retryAfterMs);
      return;
    }
    flight.answered = true;
    try {
      await this.#pc.setLocalDescription({ type: 'rollback' });
    } catch {
      // A first offer cannot always be rolled back; whoever waits for it gives the connection up anyway.
    }
    this.#land(flight, error);
  }

  /** After a resume: the offer that is out may have been lost, or its answer. The server knows it by its ID. */
  resend(): void {
    if (this.#flight?.offer && !this.#flight.answered) {
      this.#send(this.#flight.offer);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    const waiters = [...(this.#flight?.waiters ?? []), ...this.#queue];
    this.#flight = undefined;
    this.#queue = [];
    for (const waiter of waiters) {
      waiter.reject(closedError());
    }
  }

  async #pump(): Promise<void> {
    if (this.#flight || this.#queue.length === 0) {
      return;
    }
    const flight: Flight = { waiters: this.#queue, answered: false };
    const restart = this.#restart;
    this.#queue = [];
    this.#restart = undefined;
    this.#flight = flight;
    try {
      const description = await this.#pc.createOffer();
      await this.#pc.setLocalDescription({ type: 'offer', sdp: description.sdp ?? '' });
    } catch (error) {
      this.#land(flight, new HirobaError('bad_offer', 'the browser could not make an offer', { cause: error }));
      return;
    }
    if (this.#flight !== flight) {
      return; // closed meanwhile
    }
    const sdp = this.#pc.localDescription?.sdp ?? '';
    flight.offer = { type: 'offer', id: ++this.#offers, sdp, ...this.#describe(), ...(restart && { restart }) };
    this.#send(flight.offer);
  }

  #land(flight: Flight, error?: HirobaError): void {
    if (this.#flight !== flight) {
      return; // closed meanwhile, and so were its waiters told
    }
    this.#flight = undefined;
    for (const waiter of flight.waiters) {
      if (error) {
        waiter.reject(error);
      } else {
        waiter.resolve();
      }
    }
    void this.#pump();
  }
}

function closedError(): HirobaError {
  return new HirobaError('closed', 'the connection was closed');
}
