/** How often to look whether anything arrives. */
const LOOK_MS = 500;
/** After so many looks in a row that found something new, finding nothing is strange. */
const STEADY = 4;
/** A look this late means that the page slept: what came meanwhile says nothing. */
const SLEPT_MS = 1500;
/** How long a sign of life may take: this and twice the round trip, within bounds. */
const PATIENCE_MS = 300;
const LEAST_MS = 400;
const MOST_MS = 1500;

/** What has come through a transport. */
export interface Arrivals {
  /**
   * Grows with all that arrives but answers to ICE checks: browsers go on checking a way that they do not use, and
   * that it works says nothing about the one that they use.
   */
  readonly count: number;
  /** Counts answers to ICE checks, on all ways. */
  readonly answers: number;
  /** 0 while it is not known. */
  readonly roundTripMs: number;
}

export interface WatchOwner {
  arrivals(): Promise<Arrivals>;
  /** Asks the other side for a sign of life, through the transport. False if that cannot be done now. */
  ask(): boolean;
  /** What arrived all the time has stopped; it is found out whether that means anything. */
  onDoubt(): void;
  /** Nothing arrives, though it was asked for. */
  onSilent(): void;
}

/**
 * Notices within about a second that nothing comes through a transport any more, where browsers need five or more.
 *
 * Silence alone proves nothing: others mute themselves and leave. It is a reason to ask, and only who does not get even
 * an answer is cut off. Where little arrives, silence is not even a reason to ask, so that a quiet room stays quiet.
 */
export class Watch {
  readonly #owner: WatchOwner;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #count = 0;
  #steady = 0;
  /** Counts the questions, so that the newest makes the others moot. */
  #question = 0;
  #closed = false;

  constructor(owner: WatchOwner) {
    this.#owner = owner;
    this.#lookLater();
  }

  /** Finds out now whether anything comes through. False if that cannot be done. */
  async verify(): Promise<boolean> {
    const question = ++this.#question;
    const { count, roundTripMs } = await this.#owner.arrivals();
    if (count === 0) {
      return false; // not even what made the connection was counted
    }
    // Twice, because one may be lost.
    const halfMs = Math.min(Math.max(PATIENCE_MS + 2 * roundTripMs, LEAST_MS), MOST_MS) / 2;
    for (let asked = 0; asked < 2; asked++) {
      if (this.#closed || question !== this.#question) {
        return true;
      }
      if (!this.#owner.ask()) {
        return false;
      }
      await new Promise((resolve) => setTimeout(resolve, halfMs));
      if ((await this.#owner.arrivals()).count !== count) {
        return true;
      }
    }
    if (!this.#closed && question === this.#question) {
      this.reset();
      this.#owner.onSilent();
    }
    return true;
  }

  /** What was seen before says nothing about what comes now. */
  reset(): void {
    this.#steady = 0;
    this.#question++;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #lookLater(): void {
    const dueMs = performance.now() + LOOK_MS;
    this.#timer = setTimeout(() => {
      void this.#look(performance.now() - dueMs);
    }, LOOK_MS);
  }

  async #look(lateMs: number): Promise<void> {
    const { count } = await this.#owner.arrivals();
    const stopped = count === this.#count && this.#steady >= STEADY;
    this.#steady = count === this.#count || lateMs > SLEPT_MS ? 0 : this.#steady + 1;
    this.#count = count;
    if (stopped && lateMs <= SLEPT_MS && !this.#closed) {
      this.#owner.onDoubt();
      await this.verify();
    }
    if (!this.#closed) {
      this.#lookLater();
    }
  }
}
