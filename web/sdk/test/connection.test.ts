import { describe, expect, it } from 'vitest';
import { roomState, step } from '../src/connection.ts';
import type { Connection, ConnectionEvent, Effect, Reconnecting } from '../src/connection.ts';

const NOW = 1_000_000;

/** Runs events one second apart; returns the last state and all effects. */
function run(from: Connection, ...events: ConnectionEvent[]): { state: Connection; effects: readonly Effect[] } {
  let state = from;
  const effects: Effect[] = [];
  events.forEach((event, i) => {
    const next = step(state, event, { nowMs: NOW + i * 1000, random: 0.5 });
    state = next.state;
    effects.push(...next.effects);
  });
  return { state, effects };
}

const idle: Connection = { kind: 'idle' };
const joined: Connection = { kind: 'joined' };
const lost: ConnectionEvent = { type: 'socket_lost' };
const bye = (reconnect: boolean, afterMs = 0): ConnectionEvent => ({
  type: 'bye',
  reason: 'shutdown',
  message: 'the server restarts',
  reconnect,
  afterMs,
});
const refused = (code: string): ConnectionEvent => ({ type: 'refused', code, message: code });

function reconnecting(state: Connection): Reconnecting {
  if (state.kind !== 'reconnecting') {
    throw new Error(`state is ${state.kind}`);
  }
  return state;
}

describe('joining', () => {
  it('connects, starts media when welcomed, and has joined when answered', () => {
    const { state, effects } = run(idle, { type: 'join' }, { type: 'welcomed', resumed: false }, { type: 'answered' });
    expect(state).toEqual(joined);
    expect(effects).toEqual([{ type: 'connect', goal: 'join' }, { type: 'start_media' }, { type: 'join_succeeded' }]);
  });

  it.each([
    ['a refusal', refused('name_taken'), 'name_taken'],
    ['no server', lost, 'network'],
    ['a goodbye', bye(true, 500), 'shutdown'],
    ['failing media', { type: 'media_lost' } as const, 'media_failed'],
    ['leaving', { type: 'leave' } as const, 'aborted'],
  ])('fails with %s, and may be tried again', (_name, event, code) => {
    const { state, effects } = run(idle, { type: 'join' }, event);
    expect(state).toEqual(idle);
    expect(effects).toContainEqual(expect.objectContaining({ type: 'join_failed', code }));
    expect(run(state, { type: 'join' }).state.kind).toBe('joining');
  });
});

describe('a lost socket', () => {
  it('is resumed at once while media goes on', () => {
    const { state, effects } = run(joined, lost);
    expect(roomState(state)).toEqual({ kind: 'reconnecting', attempt: 1, retryAtMs: NOW, media: 'up' });
    expect(effects).toEqual([{ type: 'connect', goal: 'resume' }]);
  });

  it('comes back without touching media', () => {
    const { state, effects } = run(joined, lost, { type: 'welcomed', resumed: true });
    expect(state).toEqual(joined);
    expect(effects.map(({ type }) => type)).toEqual(['connect', 'resume_media']);
  });

  it('is tried again later and later, counted', () => {
    let state = run(joined, lost).state;
    const delays: number[] = [];
    for (let i = 0; i < 7; i++) {
      const failed = run(state, lost);
      delays.push(reconnecting(failed.state).retryAtMs - NOW);
      expect(failed.effects).toContainEqual({ type: 'schedule', atMs: reconnecting(failed.state).retryAtMs });
      state = run(failed.state, { type: 'retry' }).state;
    }
    expect(delays).toEqual([300, 700, 1000, 1500, 2000, 2000, 2000]);
    expect(reconnecting(state)).toMatchObject({ attempt: 8, step: 'connecting', goal: 'resume' });
  });

  it('is tried at once when the network is back', () => {
    const { state, effects } = run(joined, lost, lost, { type: 'hint' });
    expect(reconnecting(state)).toMatchObject({ step: 'connecting', retryAtMs: NOW + 2000 });
    expect(effects.filter(({ type }) => type === 'connect')).toHaveLength(2);
  });

  it('is not opened twice by a hint', () => {
    expect(run(joined, lost, { type: 'hint' }).effects).toEqual([{ type: 'connect', goal: 'resume' }]);
  });
});

describe('a session that the server has forgotten', () => {
  it('is replaced by a fresh join on the same socket, with new media', () => {
    const { state, effects } = run(
      joined,
      lost,
      refused('resume_failed'),
      { type: 'welcomed', resumed: false },
      { type: 'answered' },
    );
    expect(state).toEqual(joined);
    expect(effects.map(({ type }) => type)).toEqual(['connect', 'rejoin_here', 'start_media']);
  });

  it('shows that media is down meanwhile', () => {
    expect(roomState(run(joined, lost, refused('resume_failed')).state)).toMatchObject({ media: 'down' });
  });

  it('retries while its own name is still taken', () => {
    const { state, effects } = run(joined, lost, refused('resume_failed'), refused('name_taken'));
    expect(reconnecting(state)).toMatchObject({ goal: 'rejoin', step: 'waiting', attempt: 2 });
    expect(effects.slice(-2)).toEqual([
      { type: 'disconnect' },
      { type: 'schedule', atMs: reconnecting(state).retryAtMs },
    ]);
  });

  it('respects when the server wants to be asked again', () => {
    const { state } = run(joined, lost, { type: 'refused', code: 'server_full', message: '', retryAfterMs: 9000 });
    expect(reconnecting(state).retryAtMs).toBe(NOW + 1000 + 9000);
  });

  it('ends when refused for too long', () => {
    let state = run(joined, lost, refused('resume_failed')).state;
    for (let i = 0; i < 100 && state.kind === 'reconnecting'; i++) {
      state = step(state, refused('name_taken'), { nowMs: NOW + i * 1000, random: 0 }).state;
      state = step(state, { type: 'retry' }, { nowMs: NOW + i * 1000, random: 0 }).state;
    }
    expect(state).toMatchObject({ kind: 'ended', reason: 'name_taken' });
  });

  it('ends at once when the refusal cannot pass', () => {
    const { state, effects } = run(joined, lost, refused('bad_name'));
    expect(state).toMatchObject({ kind: 'ended', reason: 'bad_name' });
    expect(effects).toContainEqual({ type: 'drop_media' });
  });
});

describe('lost media', () => {
  it('is replaced by a fresh join', () => {
    const { state, effects } = run(joined, { type: 'media_lost' });
    expect(roomState(state)).toMatchObject({ kind: 'reconnecting', attempt: 1, media: 'down' });
    expect(effects).toEqual([{ type: 'disconnect' }, { type: 'connect', goal: 'rejoin' }]);
  });

  it('turns a resume that is waiting into a fresh join', () => {
    const { state } = run(joined, lost, lost, { type: 'media_lost' });
    expect(reconnecting(state)).toMatchObject({ goal: 'rejoin', step: 'waiting', media: 'down' });
  });

  it('turns a resume that is under way into a fresh join', () => {
    const { effects } = run(joined, lost, { type: 'media_lost' });
    expect(effects.slice(1)).toEqual([{ type: 'disconnect' }, { type: 'connect', goal: 'rejoin' }]);
  });

  it('before the answer is tried again later', () => {
    const { state } = run(joined, { type: 'media_lost' }, { type: 'welcomed', resumed: false }, { type: 'media_lost' });
    expect(reconnecting(state)).toMatchObject({ step: 'waiting', attempt: 2 });
  });

  it('of the connection that is being replaced anyway changes nothing', () => {
    const before = run(joined, lost, refused('resume_failed')).state;
    expect(run(before, { type: 'media_lost' })).toEqual({ state: before, effects: [] });
  });
});

describe('a goodbye', () => {
  it('brings us back after the time it names', () => {
    const { state } = run(joined, bye(true, 2000));
    expect(reconnecting(state)).toMatchObject({ goal: 'rejoin', step: 'waiting', retryAtMs: NOW + 2250, attempt: 1 });
  });

  it('is final otherwise', () => {
    const { state, effects } = run(joined, bye(false));
    expect(state).toEqual({ kind: 'ended', reason: 'shutdown', message: 'the server restarts' });
    expect(effects).toEqual([{ type: 'disconnect' }, { type: 'drop_media' }]);
  });
});

describe('leaving', () => {
  it.each([joined, run(joined, lost).state])('ends the session', (state) => {
    expect(run(state, { type: 'leave' }).state).toMatchObject({ kind: 'ended', reason: 'left' });
  });

  it('does nothing when there is none', () => {
    expect(run(idle, { type: 'leave' })).toEqual({ state: idle, effects: [] });
  });
});

describe('any state', () => {
  const states: Connection[] = [
    idle,
    { kind: 'joining' },
    joined,
    run(joined, lost).state,
    run(joined, lost, lost).state,
    run(joined, { type: 'media_lost' }, { type: 'welcomed', resumed: false }).state,
    { kind: 'ended', reason: 'left', message: '' },
  ];
  const events: ConnectionEvent[] = [
    { type: 'join' },
    { type: 'welcomed', resumed: false },
    { type: 'welcomed', resumed: true },
    { type: 'answered' },
    refused('name_taken'),
    refused('bad_name'),
    refused('resume_failed'),
    lost,
    { type: 'media_lost' },
    { type: 'retry' },
    { type: 'hint' },
    bye(true),
    bye(false),
    { type: 'leave' },
  ];

  it('survives any three events, and always has something under way when it is not at rest', () => {
    for (const from of states) {
      for (const a of events) {
        for (const b of events) {
          for (const c of events) {
            const { state } = run(from, a, b, c);
            if (state.kind === 'reconnecting') {
              expect(state.attempt).toBeGreaterThan(0);
              expect(state.retryAtMs).toBeGreaterThan(0);
            }
          }
        }
      }
    }
  });

  it('schedules whenever it comes to wait', () => {
    for (const from of states) {
      for (const event of events) {
        const { state, effects } = run(from, event);
        const waits = state.kind === 'reconnecting' && state.step === 'waiting';
        const waited = from.kind === 'reconnecting' && from.step === 'waiting';
        if (waits && !waited) {
          expect(effects).toContainEqual({ type: 'schedule', atMs: state.retryAtMs });
        }
      }
    }
  });
});

describe('media that is being mended', () => {
  const down: ConnectionEvent = { type: 'media_down' };
  const back: ConnectionEvent = { type: 'media_back' };

  it('is shown as reconnecting, and needs no new socket', () => {
    const { state, effects } = run(joined, down);
    expect(roomState(state)).toEqual({ kind: 'reconnecting', attempt: 1, retryAtMs: NOW, media: 'down' });
    expect(effects).toEqual([]);
    expect(run(state, back).state).toEqual(joined);
  });

  it('is replaced when it cannot be mended', () => {
    const { state, effects } = run(joined, down, { type: 'media_lost' });
    expect(reconnecting(state)).toMatchObject({ goal: 'rejoin', step: 'connecting' });
    expect(effects).toEqual([{ type: 'disconnect' }, { type: 'connect', goal: 'rejoin' }]);
  });

  it('goes on being mended when the socket is lost and resumed meanwhile', () => {
    const lostToo = run(joined, down, lost);
    expect(reconnecting(lostToo.state)).toMatchObject({ goal: 'resume', step: 'connecting', media: 'down' });
    expect(lostToo.effects).toEqual([{ type: 'connect', goal: 'resume' }]);
    const resumed = run(lostToo.state, { type: 'welcomed', resumed: true });
    expect(reconnecting(resumed.state)).toMatchObject({ goal: 'mend', media: 'down' });
    expect(resumed.effects).toEqual([{ type: 'resume_media' }]);
    expect(run(resumed.state, back).state).toEqual(joined);
  });

  it('may come back before the socket does', () => {
    const { state } = run(joined, down, lost, lost, back);
    expect(reconnecting(state)).toMatchObject({ goal: 'resume', step: 'waiting', media: 'up' });
  });
});
