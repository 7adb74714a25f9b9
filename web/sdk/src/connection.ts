import { backoffMs } from './backoff.ts';
import type { ByeReason, RoomState } from './types.ts';

/**
 * The state of the connection and the pure function that moves it. What has to be done is handed out as a list of
 * effects; `Session` does it.
 */
export type Connection =
  | { readonly kind: 'idle' }
  /** The first join: from `join()` to the first answer. */
  | { readonly kind: 'joining' }
  | { readonly kind: 'joined' }
  | Reconnecting
  | { readonly kind: 'ended'; readonly reason: ByeReason; readonly message: string };

export interface Reconnecting {
  readonly kind: 'reconnecting';
  /**
   * `resume` takes the session up again over a new socket, media and all; `rejoin` makes a new session in its place;
   * `mend` waits for media to come back by itself (an ICE restart) while the session goes on.
   */
  readonly goal: 'resume' | 'rejoin' | 'mend';
  /** `waiting` for the next attempt; `connecting`; `answering`: welcomed, the new media is being negotiated. */
  readonly step: 'waiting' | 'connecting' | 'answering';
  readonly attempt: number;
  readonly retryAtMs: number;
  readonly media: 'up' | 'down';
  /** When the server first refused to take us back, since which it is asked again. */
  readonly refusedSinceMs?: number;
}

export type ConnectionEvent =
  | { readonly type: 'join' }
  | { readonly type: 'welcomed'; readonly resumed: boolean }
  /** The answer to the first offer of a session was applied. */
  | { readonly type: 'answered' }
  /** An error in reply to hello or join. */
  | { readonly type: 'refused'; readonly code: string; readonly message: string; readonly retryAfterMs?: number }
  | { readonly type: 'socket_lost' }
  /** Nothing comes through the RTCPeerConnection, which is being mended; it works again; it could not be mended. */
  | { readonly type: 'media_down' }
  | { readonly type: 'media_back' }
  | { readonly type: 'media_lost' }
  | { readonly type: 'retry' }
  /** The network changed or the page became visible: a waiting attempt need not wait. */
  | { readonly type: 'hint' }
  | {
      readonly type: 'bye';
      readonly reason: ByeReason;
      readonly message: string;
      readonly reconnect: boolean;
      readonly afterMs: number;
    }
  | { readonly type: 'leave' };

export type Effect =
  | { readonly type: 'connect'; readonly goal: 'join' | 'resume' | 'rejoin' }
  /** Join afresh on the socket whose hello could not be resumed. */
  | { readonly type: 'rejoin_here' }
  | { readonly type: 'disconnect' }
  /** Make a new RTCPeerConnection, in place of an old one, and offer. */
  | { readonly type: 'start_media' }
  /** The session goes on: repeat what may have been lost with the socket. */
  | { readonly type: 'resume_media' }
  | { readonly type: 'drop_media' }
  | { readonly type: 'schedule'; readonly atMs: number }
  | { readonly type: 'join_succeeded' }
  | { readonly type: 'join_failed'; readonly code: string; readonly message: string; readonly retryAfterMs?: number };

export interface Step {
  readonly state: Connection;
  readonly effects: readonly Effect[];
}

/** What a step needs from outside. */
export interface Moment {
  /** As `Date.now()`. */
  readonly nowMs: number;
  /** From 0 up to 1. */
  readonly random: number;
}

/**
 * Refusals that pass: our old session may hold our name until it times out, a restarting server takes nobody yet.
 * They are tried again for this long.
 */
const REFUSED_FOR_MS = 45_000;
const PASSING: ReadonlySet<string> = new Set([
  'name_taken',
  'room_full',
  'server_full',
  'shutting_down',
  'draining',
  'overloaded',
  'rate_limited',
  'internal',
  'timeout',
]);

/** The state after an event, and what to do about it. Events that mean nothing in a state leave it as it is. */
export function step(state: Connection, event: ConnectionEvent, moment: Moment): Step {
  if (event.type === 'leave') {
    return leave(state);
  }
  switch (state.kind) {
    case 'idle':
    case 'ended':
      return event.type === 'join' ? go({ kind: 'joining' }, { type: 'connect', goal: 'join' }) : go(state);
    case 'joining':
      return whileJoining(state, event);
    case 'joined':
      return whileJoined(state, event, moment);
    case 'reconnecting':
      return whileReconnecting(state, event, moment);
  }
}

/** What the application sees of it. */
export function roomState(state: Connection): RoomState {
  if (state.kind !== 'reconnecting') {
    return state;
  }
  const { kind, attempt, retryAtMs, media } = state;
  return { kind, attempt, retryAtMs, media };
}

function whileJoining(state: Connection, event: ConnectionEvent): Step {
  switch (event.type) {
    case 'welcomed':
      return go(state, { type: 'start_media' });
    case 'answered':
      return go({ kind: 'joined' }, { type: 'join_succeeded' });
    case 'refused':
      return joinFailed(event.code, event.message, event.retryAfterMs);
    case 'bye':
      return joinFailed(event.reason, event.message, event.reconnect ? event.afterMs : undefined);
    case 'socket_lost':
      return joinFailed('network', 'the server was not reached');
    case 'media_lost':
      return joinFailed('media_failed', 'the media connection failed');
    default:
      return go(state);
  }
}

function whileJoined(state: Connection, event: ConnectionEvent, moment: Moment): Step {
  const first = { kind: 'reconnecting', step: 'connecting', attempt: 1, retryAtMs: moment.nowMs } as const;
  switch (event.type) {
    case 'socket_lost':
      return go({ ...first, goal: 'resume', media: 'up' }, { type: 'connect', goal: 'resume' });
    case 'media_down':
      return go({ ...first, goal: 'mend', media: 'down' });
    case 'media_lost':
      return go(
        { ...first, goal: 'rejoin', media: 'down' },
        { type: 'disconnect' },
        { type: 'connect', goal: 'rejoin' },
      );
    case 'bye':
      return said(event, moment);
    default:
      return go(state);
  }
}

function whileReconnecting(state: Reconnecting, event: ConnectionEvent, moment: Moment): Step {
  switch (event.type) {
    case 'welcomed':
      if (event.resumed) {
        const mending: Connection = { ...state, goal: 'mend', step: 'connecting' };
        return go(state.media === 'up' ? { kind: 'joined' } : mending, { type: 'resume_media' });
      }
      return go({ ...state, goal: 'rejoin', step: 'answering', media: 'down' }, { type: 'start_media' });
    case 'answered':
      return state.step === 'answering' ? go({ kind: 'joined' }) : go(state);
    case 'refused':
      return refused(state, event, moment);
    case 'socket_lost':
      if (state.goal === 'mend') {
        return connect({ ...state, goal: 'resume' }, moment);
      }
      return state.step === 'waiting' ? go(state) : wait(state, backoff(state, moment), moment);
    case 'retry':
    case 'hint':
      return state.step === 'waiting' ? connect(state, moment) : go(state);
    case 'media_down':
      return go({ ...state, media: 'down' });
    case 'media_back':
      return mediaBack(state);
    case 'media_lost':
      return mediaLost(state, moment);
    case 'bye':
      return said(event, moment);
    default:
      return go(state);
  }
}

function mediaBack(state: Reconnecting): Step {
  switch (state.goal) {
    case 'mend':
      return go({ kind: 'joined' });
    case 'resume':
      return go({ ...state, media: 'up' });
    case 'rejoin':
      return go(state); // of a connection that will be replaced
  }
}

function mediaLost(state: Reconnecting, moment: Moment): Step {
  if (state.step === 'answering') {
    return wait(state, backoff(state, moment), moment, { type: 'disconnect' });
  }
  if (state.goal === 'rejoin') {
    return go({ ...state, media: 'down' });
  }
  // Resuming would bring back a session whose media is gone: make a new one instead.
  const rejoining: Reconnecting = { ...state, goal: 'rejoin', media: 'down' };
  if (state.step === 'waiting') {
    return go(rejoining);
  }
  return go(rejoining, { type: 'disconnect' }, { type: 'connect', goal: 'rejoin' });
}

function refused(state: Reconnecting, event: Extract<ConnectionEvent, { type: 'refused' }>, moment: Moment): Step {
  if (event.code === 'resume_failed') {
    return go({ ...state, goal: 'rejoin', media: 'down' }, { type: 'rejoin_here' });
  }
  const refusedSinceMs = state.refusedSinceMs ?? moment.nowMs;
  if (!PASSING.has(event.code) || moment.nowMs - refusedSinceMs > REFUSED_FOR_MS) {
    return end(event.code, event.message);
  }
  const delay = Math.max(event.retryAfterMs ?? 0, backoff(state, moment));
  return wait({ ...state, refusedSinceMs }, delay, moment, { type: 'disconnect' });
}

function said(event: Extract<ConnectionEvent, { type: 'bye' }>, moment: Moment): Step {
  if (!event.reconnect) {
    return end(event.reason, event.message);
  }
  // The session is over, so there is nothing to resume. The half second spreads the clients of one server.
  const retryAtMs = moment.nowMs + event.afterMs + Math.round(500 * moment.random);
  return go(
    { kind: 'reconnecting', goal: 'rejoin', step: 'waiting', attempt: 1, retryAtMs, media: 'down' },
    { type: 'disconnect' },
    { type: 'schedule', atMs: retryAtMs },
  );
}

function connect(state: Reconnecting, moment: Moment): Step {
  const goal = state.goal === 'rejoin' ? 'rejoin' : 'resume';
  return go({ ...state, goal, step: 'connecting', retryAtMs: moment.nowMs }, { type: 'connect', goal });
}

function wait(state: Reconnecting, delayMs: number, moment: Moment, ...effects: readonly Effect[]): Step {
  const retryAtMs = moment.nowMs + delayMs;
  return go({ ...state, step: 'waiting', attempt: state.attempt + 1, retryAtMs }, ...effects, {
    type: 'schedule',
    atMs: retryAtMs,
  });
}

function backoff(state: Reconnecting, moment: Moment): number {
  return backoffMs(state.attempt + 1, moment.random);
}

function leave(state: Connection): Step {
  switch (state.kind) {
    case 'idle':
    case 'ended':
      return go(state);
    case 'joining':
      return joinFailed('aborted', 'left before the join was complete');
    default:
      return end('left', 'you left');
  }
}

function joinFailed(code: string, message: string, retryAfterMs?: number): Step {
  const failed = { type: 'join_failed', code, message } as const;
  return go(
    { kind: 'idle' },
    { type: 'disconnect' },
    { type: 'drop_media' },
    retryAfterMs === undefined ? failed : { ...failed, retryAfterMs },
  );
}

function end(reason: ByeReason, message: string): Step {
  return go({ kind: 'ended', reason, message }, { type: 'disconnect' }, { type: 'drop_media' });
}

/** To a state, which may be the same as before, with what is to be done. */
function go(state: Connection, ...effects: readonly Effect[]): Step {
  return { state, effects };
}
