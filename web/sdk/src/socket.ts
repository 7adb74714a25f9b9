import { parseServerMessage } from './protocol.ts';
import type { ClientMessage, ServerMessage } from './protocol.ts';

/** Silence for this long makes us ask whether the server is still there. */
const IDLE_MS = 2000;
/** No word for this long after asking means that the socket is dead. */
const PATIENCE_MS = 2500;
/** The same after a hint that the network changed. */
const PROBE_MS = 1500;
/** From opening the socket to its first message. */
const OPEN_MS = 6000;
/** After this long without its close the server is not waited for. */
const CROSSING_MS = 2000;
/** A timer this late means that the page slept: what it was to judge cannot be judged. */
const SLEPT_MS = 1000;

export interface SocketEvents {
  /** May send now. */
  readonly onOpen: () => void;
  readonly onMessage: (message: ServerMessage) => void;
  /** Called once, also when it never opened; never after `close()`. */
  readonly onLost: (why: string) => void;
}

/**
 * One WebSocket, with a keep-alive that finds it dead within five seconds: TCP alone would take minutes when the
 * network changed under it. Whatever arrives counts as a sign of life; only after silence is there a ping.
 */
export class SignalingSocket {
  readonly #ws: WebSocket;
  readonly #events: SocketEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAtMs = 0;
  #askedAtMs = -Infinity;
  #idling = false;
  #done = false;

  constructor(url: string, events: SocketEvents) {
    this.#events = events;
    this.#ws = new WebSocket(url);
    this.#ws.onopen = () => {
      this.#heard();
      events.onOpen();
    };
    this.#ws.onmessage = (event: MessageEvent<unknown>) => {
      this.#heard();
      const message = parseServerMessage(event.data);
      if (message && message.type !== 'pong') {
        events.onMessage(message);
      }
    };
    this.#ws.onclose = (event) => {
      this.#lose(`closed with code ${event.code}`);
    };
    this.#after(OPEN_MS, () => {
      this.#lose('did not open in time');
    });
  }

  get open(): boolean {
    return !this.#done && this.#ws.readyState === WebSocket.OPEN;
  }

  /** False if the socket is not open; then nothing was sent. */
  send(message: ClientMessage): boolean {
    if (!this.open) {
      return false;
    }
    this.#ws.send(JSON.stringify(message));
    return true;
  }

  /** Finds out at once whether the server is still there. */
  probe(): void {
    if (this.open) {
      this.#ask(PROBE_MS);
    }
  }

  /** Other signs say that the network is gone: a socket that was asked and has not answered is dead. */
  suspect(): void {
    if (this.open && this.#askedAtMs > this.#heardAtMs) {
      this.#lose('is silent, as all else is');
    }
  }

  close(): void {
    this.#finish();
    this.#ws.close(1000);
  }

  /** The server has said goodbye and closes the socket itself: two closes that cross would be an error to browsers. */
  closeAfterServer(): void {
    this.#finish();
    setTimeout(() => {
      this.#ws.close(1000);
    }, CROSSING_MS);
  }

  #heard(): void {
    if (this.#done) {
      return;
    }
    this.#heardAtMs = performance.now();
    // Most messages only note the time, which the idle timer looks at when it fires: no timer per message.
    if (!this.#idling) {
      this.#idleFor(IDLE_MS);
    }
  }

  #idleFor(ms: number): void {
    this.#idling = true;
    this.#after(ms, () => {
      const quietMs = performance.now() - this.#heardAtMs;
      if (quietMs < IDLE_MS) {
        this.#idleFor(IDLE_MS - quietMs);
      } else {
        this.#ask(PATIENCE_MS);
      }
    });
  }

  #ask(patienceMs: number): void {
    this.#idling = false;
    this.#askedAtMs = performance.now();
    this.send({ type: 'ping', time: this.#askedAtMs });
    this.#after(patienceMs, (lateMs) => {
      if (lateMs > SLEPT_MS) {
        this.#ask(patienceMs);
      } else {
        this.#lose('went silent');
      }
    });
  }

  #after(ms: number, run: (lateMs: number) => void): void {
    clearTimeout(this.#timer);
    const dueMs = performance.now() + ms;
    this.#timer = setTimeout(() => {
      run(performance.now() - dueMs);
    }, ms);
  }

  #lose(why: string): void {
    if (this.#done) {
      return;
    }
    this.#finish();
    this.#ws.close();
    this.#events.onLost(why);
  }

  #finish(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#ws.onopen = null;
    this.#ws.onmessage = null;
    this.#ws.onclose = null;
    this.#ws.onerror = null;
  }
}
