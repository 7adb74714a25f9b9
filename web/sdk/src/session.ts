import { roomState, step } from './connection.ts';
import type { Connection, ConnectionEvent, Effect } from './connection.ts';
import { HirobaError } from './error.ts';
import { parseServerMessage, PROTOCOL_VERSION } from './protocol.ts';
import type { ClientMessage, ErrorMessage, ServerMessage, Welcome } from './protocol.ts';
import { SignalingSocket } from './socket.ts';
import type { Logger, RoomState } from './types.ts';

/** How long the server may take for each of: welcome, first answer. */
const REPLY_MS = 10_000;

/** From the attempt after this one on, the server is asked over HTTP before a WebSocket is tried; for this long. */
const KNOCK_AFTER = 8;
const KNOCK_MS = 5000;

/** The HTTP statuses of a server that takes nobody now. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 503]);

/** The name of this software, for the server's logs. */
const CLIENT = 'hiroba-sdk';

/** What a `Session` tells its owner. None of these may throw. */
export interface SessionOwner {
  onState(state: RoomState): void;
  /** The whole picture of the room, before `onStartMedia` or `onResumeMedia`. */
  onWelcome(welcome: Welcome): void;
  /** Any message but those that this class answers itself (welcome, bye, refusals of hello and join). */
  onMessage(message: ServerMessage): void;
  onStartMedia(): void;
  onResumeMedia(): void;
  onDropMedia(): void;
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
  readonly to?: string | undefined;
}

interface PendingJoin {
  readonly resolve: () => void;
  readonly reject: (error: HirobaError) => void;
}

/**
 * Carries out what `step` decides: opens sockets, says hello, keeps the secret, sets the timers. One `Session` lives as
 * long as its `Room`, through any number of WebSockets.
 */
export class Session {
  readonly #url: string;
  #owner: SessionOwner;
  readonly #logger: Logger | undefined;
  readonly #traceparent: string | undefined;
  #state: Connection = { kind: 'idle' };
  #socket: SignalingSocket | undefined;
  #join: { room: string; name: string } | undefined;
  #pending: PendingJoin | undefined;
  #secret: string | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #replyTimer: ReturnType<typeof setTimeout> | undefined;
  #knocking: AbortController | undefined;
  #reconnects = 0;
  /** Where the server that refused us last has sent us. */
  #elsewhere: string | undefined;

  constructor(url: string, owner: SessionOwner, logger?: Logger, traceparent?: string) {
    this.#url = url;
    this.#owner = owner;
    this.#logger = logger;
    this.#traceparent = traceparent;
  }

  /** Where it connects to. */
  get url(): string {
    return this.#url;
  }

  /** The name that was joined with. */
  get name(): string | undefined {
    return this.#join?.name;
  }

  /** From now on somebody else is told. */
  handTo(owner: SessionOwner): void {
    this.#owner = owner;
  }

  get state(): RoomState {
    return roomState(this.#state);
  }

  /** The secret of the latest session. */
  get secret(): string | undefined {
    return this.#secret;
  }

  get reconnects(): number {
    return this.#reconnects;
  }

  join(room: string, name: string, replaces: string | undefined): Promise<void> {
    if (this.#state.kind !== 'idle' && this.#state.kind !== 'ended') {
      return Promise.reject(new HirobaError('wrong_state', `cannot join while ${this.#state.kind}`));
    }
    this.#join = { room, name };
    this.#secret = replaces;
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.happened({ type: 'join' });
    });
  }

  /** False when there is no open socket; what matters is repeated by `onResumeMedia`. */
  send(message: ClientMessage): boolean {
    return this.#socket?.send(message) ?? false;
  }

  /** Finds out whether the socket works. */
  probe(): void {
    this.#socket?.probe();
  }

  /** Media does not come through: a socket that owes an answer is not waited for. */
  suspect(): void {
    this.#socket?.suspect();
  }

  /** Something may have changed about the network: do not wait for timers to find out. */
  hint(): void {
    this.probe();
    this.happened({ type: 'hint' });
  }

  /** Moves the state and does what that asks for. */
  happened(event: ConnectionEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event, { nowMs: Date.now(), random: Math.random() });
    this.#state = state;
    if (state.kind !== before.kind) {
      this.#logger?.debug('connection state changed', { from: before.kind, to: state.kind, event: event.type });
    }
    if (state.kind === 'joined' && before.kind === 'reconnecting') {
      this.#reconnects++;
    }
    if (state.kind !== 'reconnecting' || state.step !== 'waiting') {
      clearTimeout(this.#retryTimer);
    }
    if (state.kind === 'joined' || state.kind === 'idle' || state.kind === 'ended') {
      clearTimeout(this.#replyTimer);
    }
    // The state is told first, so that whoever is called by an effect already sees it.
    if (JSON.stringify(roomState(state)) !== JSON.stringify(roomState(before))) {
      this.#owner.onState(roomState(state));
    }
    for (const effect of effects) {
      this.#do(effect);
    }
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case 'connect':
        this.#connect(effect.goal);
        break;
      case 'rejoin_here':
        this.#sendJoin();
        break;
      case 'disconnect':
        this.#disconnect();
        break;
      case 'start_media':
        this.#expectReply('media_lost');
        this.#owner.onStartMedia();
        break;
      case 'resume_media':
        this.#owner.onResumeMedia();
        break;
      case 'drop_media':
        this.#owner.onDropMedia();
        break;
      case 'schedule':
        clearTimeout(this.#retryTimer);
        this.#retryTimer = setTimeout(
          () => {
            this.happened({ type: 'retry' });
          },
          Math.max(0, effect.atMs - Date.now()),
        );
        break;
      case 'join_succeeded':
        this.#pending?.resolve();
        this.#pending = undefined;
        break;
      case 'join_failed': {
        const { code, message, retryAfterMs } = effect;
        this.#pending?.reject(new HirobaError(code, message, { retryAfterMs, to: this.#elsewhere }));
        this.#pending = undefined;
        break;
      }
    }
  }

  #connect(goal: 'join' | 'resume' | 'rejoin'): void {
    this.#disconnect();
    if (this.#state.kind === 'reconnecting' && this.#state.attempt > KNOCK_AFTER) {
      void this.#knock(goal);
    } else {
      this.#open(goal);
    }
    this.#expectReply('socket_lost');
  }

  /**
   * Chromium makes a page wait several seconds for a WebSocket after some 20 that failed. So while the server is away for
   * long, it is first asked over plain HTTP whether it is back; any answer is good enough.
   */
  async #knock(goal: 'resume' | 'rejoin' | 'join'): Promise<void> {
    const knock = new AbortController();
    this.#knocking = knock;
    const timer = setTimeout(() => {
      knock.abort();
    }, KNOCK_MS);
    const there = await fetch(this.#url.replace(/^ws/, 'http'), {
      method: 'HEAD',
      mode: 'no-cors',
      cache: 'no-store',
      signal: knock.signal,
    }).then(
      () => true,
      () => false,
    );
    clearTimeout(timer);
    if (this.#knocking !== knock) {
      return; // disconnected meanwhile
    }
    if (there) {
      this.#open(goal);
    } else {
      this.happened({ type: 'socket_lost' });
    }
  }

  #open(goal: 'join' | 'resume' | 'rejoin'): void {
    const resume = goal === 'resume' ? this.#secret : undefined;
    const url = this.#secret === undefined ? this.#url : `${this.#url}?returning=1`;
    let opened = false;
    this.#socket = new SignalingSocket(url, {
      onOpen: () => {
        opened = true;
        const traceparent = this.#traceparent;
        const hello = {
          type: 'hello',
          version: PROTOCOL_VERSION,
          client: CLIENT,
          ...(traceparent !== undefined && { traceparent }),
        } as const;
        this.send(resume === undefined ? hello : { ...hello, resume });
        if (resume === undefined) {
          this.#sendJoin();
        }
      },
      onMessage: (message) => {
        this.#received(message);
      },
      onLost: (why) => {
        this.#logger?.debug('socket lost', { why });
        this.#socket = undefined;
        if (goal === 'join' && !opened) {
          void this.#askWhy(url);
        } else {
          this.happened({ type: 'socket_lost' });
        }
      },
    });
  }

  /** A page is not told why a WebSocket was refused. Over plain HTTP the server says it again. */
  async #askWhy(url: string): Promise<void> {
    const asking = new AbortController();
    this.#knocking = asking;
    const timer = setTimeout(() => {
      asking.abort();
    }, KNOCK_MS);
    const why = await fetch(url.replace(/^ws/, 'http'), { cache: 'no-store', signal: asking.signal })
      .then(async (response) =>
        RETRYABLE.has(response.status) ? parseServerMessage(await response.text()) : undefined,
      )
      .catch(() => undefined);
    clearTimeout(timer);
    if (this.#knocking !== asking) {
      return; // given up meanwhile
    }
    this.#knocking = undefined;
    if (why?.type === 'error') {
      this.refused(why);
    } else {
      this.happened({ type: 'socket_lost' });
    }
  }

  #sendJoin(): void {
    if (!this.#join) {
      return;
    }
    const join = { type: 'join', ...this.#join } as const;
    this.send(this.#secret === undefined ? join : { ...join, replaces: this.#secret });
  }

  #received(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#secret = message.session;
        clearTimeout(this.#replyTimer);
        this.#owner.onWelcome(message);
        this.happened({ type: 'welcomed', resumed: message.resumed ?? false });
        break;
      case 'bye':
        this.#socket?.closeAfterServer();
        this.#socket = undefined;
        this.happened({
          type: 'bye',
          reason: message.reason,
          message: message.message,
          reconnect: message.reconnect,
          afterMs: message.afterMs ?? 0,
        });
        break;
      case 'error':
        if (concernsEntry(message)) {
          this.refused(message);
          break;
        }
        this.#owner.onMessage(message);
        break;
      default:
        this.#owner.onMessage(message);
    }
  }

  /** The server took us not in, or not with what we offered first. */
  refused({ code, message, retryAfterMs, to }: Refusal): void {
    this.#elsewhere = to;
    const event = { type: 'refused', code, message } as const;
    this.happened(retryAfterMs === undefined ? event : { ...event, retryAfterMs });
  }

  #expectReply(otherwise: 'socket_lost' | 'media_lost'): void {
    clearTimeout(this.#replyTimer);
    this.#replyTimer = setTimeout(() => {
      this.#logger?.warn('server did not reply in time', { otherwise });
      this.#disconnect();
      this.happened({ type: otherwise });
    }, REPLY_MS);
  }

  #disconnect(): void {
    this.#knocking?.abort();
    this.#knocking = undefined;
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** Whether an error answers hello or join. Errors without `re` come before anything else was said. */
function concernsEntry(error: ErrorMessage): boolean {
  return error.re === 'hello' || error.re === 'join' || error.code === 'resume_failed';
}
