/** The part of RTCRtpReceiver that tells whose packets the last frames were made of. */
export interface ContributingSources {
  getContributingSources(): readonly { readonly source: number; readonly timestamp: number }[];
}

/** While somebody's first picture is on its way we look this often ... */
const EAGER_MS = 15;
/** ... for this long, and then less often: it may never come. */
const EAGER_FOR_MS = 3000;
const PATIENT_MS = 250;

interface Watch {
  readonly receiver: ContributingSources;
  /** The source that is to be seen; 0 for none. */
  csrc: number;
  shown: boolean;
  /** When each source that was dismissed was last seen: entries stay in the list for ten seconds. */
  readonly dismissed: Map<number, number>;
}

/**
 * Finds out whether the picture in a seat is already that of its present occupant. When occupants change, the element
 * goes on showing the former one's last picture until a new one is decoded; the contributing source of the decoded
 * frames (which the browser ties to playout) tells exactly when.
 */
export class Pictures<Key> {
  readonly #watches = new Map<Key, Watch>();
  readonly #onShown: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #eagerUntilMs = 0;

  /** @param onShown One or more pictures have come. */
  constructor(onShown: () => void) {
    this.#onShown = onShown;
  }

  /** From now on this source is to be seen there; 0 for nobody. */
  expect(key: Key, receiver: ContributingSources, csrc: number): void {
    const watch = this.#watches.get(key) ?? { receiver, csrc: 0, shown: false, dismissed: new Map<number, number>() };
    this.#watches.set(key, watch);
    if (watch.csrc === csrc) {
      return;
    }
    const last = newest(receiver);
    if (watch.csrc !== 0 && last?.source === watch.csrc) {
      watch.dismissed.set(watch.csrc, last.timestamp);
    }
    watch.csrc = csrc;
    watch.shown = false;
    if (csrc !== 0) {
      this.#eagerUntilMs = performance.now() + EAGER_FOR_MS;
    }
  }

  /** Whether the expected picture is there. */
  shown(key: Key): boolean {
    return this.#watches.get(key)?.shown ?? false;
  }

  /** Looks now, to be called after `expect`, and goes on looking as long as a picture is missing. */
  look(): boolean {
    clearTimeout(this.#timer);
    let found = false;
    let missing = false;
    for (const watch of this.#watches.values()) {
      if (watch.csrc !== 0 && !watch.shown) {
        watch.shown = isSeen(watch);
        found ||= watch.shown;
        missing ||= !watch.shown;
      }
    }
    if (missing) {
      const delayMs = performance.now() < this.#eagerUntilMs ? EAGER_MS : PATIENT_MS;
      this.#timer = setTimeout(() => {
        if (this.look()) {
          this.#onShown();
        }
      }, delayMs);
    }
    return found;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watches.clear();
  }
}

function isSeen({ receiver, csrc, dismissed }: Watch): boolean {
  const last = newest(receiver);
  return last?.source === csrc && last.timestamp > (dismissed.get(csrc) ?? -Infinity);
}

/** Only the newest entry counts: former occupants stay in the list for a while. */
function newest(receiver: ContributingSources): { source: number; timestamp: number } | undefined {
  let last: { source: number; timestamp: number } | undefined;
  for (const entry of receiver.getContributingSources()) {
    if (!last || entry.timestamp > last.timestamp) {
      last = { source: entry.source, timestamp: entry.timestamp };
    }
  }
  return last;
}
