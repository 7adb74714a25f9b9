import { backoffMs } from './backoff.ts';
import { HirobaError } from './error.ts';
import type { Draining } from './protocol.ts';
import type { Successor } from './successor.ts';
import type { ParticipantId } from './types.ts';

/** All clients of a server are told at once: they spread over so long. */
const SPREAD_MS = 300;
/** How long everybody else is waited for at the other place, and how often we look. */
const GATHER_MS = 8000;
const LOOK_MS = 50;
/** What is left undone so shortly before the server stops is left to the usual way of coming back. */
const MARGIN_MS = 500;

/** What somebody sees in a room: names, since the same people have other IDs elsewhere. */
export interface Sight {
  /** Who is in the room. */
  readonly names: ReadonlySet<string>;
  /** Whose pictures are shown. */
  readonly seen: ReadonlySet<string>;
}

/** Whether everybody who is here is there, and everybody who is seen here is seen there. */
export function isComplete(here: Sight, there: Sight): boolean {
  // Who has left here while still seen is nobody to wait for.
  const seen = [...here.seen].filter((name) => here.names.has(name));
  return [...here.names].every((name) => there.names.has(name)) && seen.every((name) => there.seen.has(name));
}

/** The IDs of the same people at another place, by their names. */
export function sameNames(
  here: readonly { readonly id: ParticipantId; readonly name: string }[],
  there: readonly { readonly id: ParticipantId; readonly name: string }[],
): ReadonlyMap<ParticipantId, ParticipantId> {
  const ids = new Map(there.map(({ name, id }) => [name, id]));
  return new Map(
    here.flatMap(({ id, name }) => {
      const other = ids.get(name);
      return other === undefined ? [] : [[id, other] as const];
    }),
  );
}

export interface MoverOwner {
  /** The beginning of a second presence, at this WebSocket or, when undefined, at the same one. */
  begin(url: string | undefined): Successor;
  sight(): Sight;
  /** From now on the successor is who we are. */
  adopt(successor: Successor): void;
  onMoving(moving: boolean): void;
}

/**
 * Moves to another server before this one stops: joins there while here all goes on, waits until the same people are seen
 * there, and only then changes over. What fails is tried again until the server stops.
 */
export class Mover {
  readonly #owner: MoverOwner;
  #running: AbortController | undefined;
  #successor: Successor | undefined;
  #url: string | undefined;
  #endsAtMs = 0;
  #hurried = false;

  constructor(owner: MoverOwner) {
    this.#owner = owner;
  }

  get moving(): boolean {
    return this.#running !== undefined;
  }

  /** The server has said that it stops, and where to go. */
  draining({ endsInMs, to }: Draining): void {
    this.#endsAtMs = Date.now() + endsInMs;
    this.#url = to;
    if (!this.#running) {
      void this.#run();
    }
  }

  /** The former connection is gone. True if we are elsewhere already, and change over now. */
  hurry(): boolean {
    if (this.#successor?.session.state.kind === 'joined') {
      this.#hurried = true;
      return true;
    }
    this.stop();
    return false;
  }

  /** Stays, or has left for good. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    const successor = this.#successor;
    this.#successor = undefined;
    successor?.close();
  }

  async #run(): Promise<void> {
    const running = new AbortController();
    const { signal } = running;
    this.#running = running;
    this.#hurried = false;
    this.#owner.onMoving(true);
    await pause(SPREAD_MS * Math.random(), signal);
    for (let attempt = 1; !signal.aborted && Date.now() < this.#endsAtMs - MARGIN_MS; attempt++) {
      const successor = this.#owner.begin(this.#url);
      this.#successor = successor;
      try {
        await successor.join();
        await this.#gather(successor, signal);
      } catch (error) {
        successor.close();
        const askedMs = error instanceof HirobaError ? (error.retryAfterMs ?? 0) : 0;
        await pause(Math.max(askedMs, backoffMs(attempt, Math.random())), signal);
        continue;
      }
      if (this.#running === running) {
        this.#successor = undefined;
        this.#running = undefined;
        this.#owner.adopt(successor);
      }
      break;
    }
    if (this.#running === running) {
      this.stop();
    }
    this.#owner.onMoving(false);
  }

  async #gather(successor: Successor, signal: AbortSignal): Promise<void> {
    const untilMs = Math.min(Date.now() + GATHER_MS, this.#endsAtMs - MARGIN_MS);
    while (!signal.aborted && !this.#hurried && Date.now() < untilMs) {
      if (successor.session.state.kind === 'ended') {
        throw new HirobaError('closed', 'the other server ended the session');
      }
      if (isComplete(this.#owner.sight(), successor.sight())) {
        return;
      }
      await pause(LOOK_MS, signal);
    }
    if (successor.session.state.kind !== 'joined') {
      throw new HirobaError('network', 'the connection to the other server was lost');
    }
  }
}

/** Resolves after a time, or at once when it is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
