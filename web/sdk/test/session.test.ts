import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientMessage, ServerMessage, Welcome } from '../src/protocol.ts';
import { Session } from '../src/session.ts';
import type { RoomState } from '../src/types.ts';

/** A WebSocket whose server is the test. */
class FakeWebSocket {
  static readonly OPEN = 1;
  static all: FakeWebSocket[] = [];
  static get last(): FakeWebSocket {
    const socket = FakeWebSocket.all.at(-1);
    if (!socket) {
      throw new Error('no socket was opened');
    }
    return socket;
  }
  readyState = 0;
  readonly sent: ClientMessage[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor() {
    FakeWebSocket.all.push(this);
  }
  send(data: string): void {
    this.sent.push(JSON.parse(data) as ClientMessage);
  }
  close(): void {
    this.closed = true;
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  receive(message: Partial<ServerMessage>): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  lose(): void {
    this.readyState = 3;
    this.onclose?.({ code: 1006 });
  }
  types(): string[] {
    return this.sent.map(({ type }) => type);
  }
}

const welcome = (session: string, resumed = false): Partial<Welcome> => ({ type: 'welcome', session, resumed });

function setUp(): { session: Session; states: RoomState[]; calls: string[] } {
  const states: RoomState[] = [];
  const calls: string[] = [];
  const session = new Session('wss://hiroba.example/ws', {
    onState: (state) => states.push(state),
    onWelcome: (message) => calls.push(`welcome ${message.session}`),
    onMessage: (message) => calls.push(message.type),
    onStartMedia: () => calls.push('start media'),
    onResumeMedia: () => calls.push('resume media'),
    onDropMedia: () => calls.push('drop media'),
  });
  return { session, states, calls };
}

/** A session that has joined, and its socket. */
async function joined(): Promise<ReturnType<typeof setUp> & { socket: FakeWebSocket }> {
  const all = setUp();
  const done = all.session.join('tea', 'Ada', undefined);
  const socket = FakeWebSocket.last;
  socket.open();
  socket.receive(welcome('secret-1'));
  all.session.happened({ type: 'answered' });
  await done;
  all.calls.length = 0;
  all.states.length = 0;
  return { ...all, socket };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeWebSocket);
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('not reached')));
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  FakeWebSocket.all = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('joining', () => {
  it('says hello and join in one go', () => {
    const { session } = setUp();
    void session.join('tea', 'Ada', 'old-secret');
    FakeWebSocket.last.open();
    expect(FakeWebSocket.last.sent).toEqual([
      { type: 'hello', version: 1, client: 'hiroba-sdk' },
      { type: 'join', room: 'tea', name: 'Ada', replaces: 'old-secret' },
    ]);
  });

  it('rejects with the code of the server, and can be repeated', async () => {
    const { session } = setUp();
    const first = session.join('tea', 'Ada', undefined);
    FakeWebSocket.last.open();
    FakeWebSocket.last.receive({ type: 'error', code: 'name_taken', message: 'taken', re: 'join' });
    await expect(first).rejects.toMatchObject({ name: 'HirobaError', code: 'name_taken', message: 'taken' });
    expect(FakeWebSocket.last.closed).toBe(true);
    void session.join('tea', 'Ada B', undefined);
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  it('asks over HTTP why a WebSocket was refused', async () => {
    const { session } = setUp();
    const asked: string[] = [];
    const body = { type: 'error', code: 'draining', message: 'stops', retryAfterMs: 2000, to: 'wss://b.example/ws' };
    vi.stubGlobal('fetch', (url: string) => {
      asked.push(url);
      return Promise.resolve(new Response(JSON.stringify(body), { status: 503 }));
    });
    const refused = session.join('tea', 'Ada', undefined);
    FakeWebSocket.last.lose();
    const { code, retryAfterMs, to } = body;
    await expect(refused).rejects.toMatchObject({ code, retryAfterMs, to });
    expect(asked).toEqual(['https://hiroba.example/ws']);
  });

  it('rejects when the server is not reached, or says nothing', async () => {
    const { session } = setUp();
    const refused = session.join('tea', 'Ada', undefined);
    FakeWebSocket.last.lose();
    await expect(refused).rejects.toMatchObject({ code: 'network' });

    const silent = session.join('tea', 'Ada', undefined);
    const rejected = expect(silent).rejects.toMatchObject({ code: 'network' });
    vi.advanceTimersByTime(6001);
    await rejected;

    const mute = session.join('tea', 'Ada', undefined);
    const gaveUp = expect(mute).rejects.toMatchObject({ code: 'network' });
    FakeWebSocket.last.open();
    for (let i = 0; i < 11; i++) {
      vi.advanceTimersByTime(1000);
      FakeWebSocket.last.receive({ type: 'pong', time: 0 });
    }
    await gaveUp;
  });

  it('happens once at a time', async () => {
    const { session } = await joined();
    await expect(session.join('tea', 'Ada', undefined)).rejects.toMatchObject({ code: 'wrong_state' });
  });
});

describe('keep-alive', () => {
  it('is silent while anything comes', async () => {
    const { socket } = await joined();
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(1500);
      socket.receive({ type: 'speakers', speakers: [] });
    }
    expect(socket.types()).not.toContain('ping');
  });

  it('finds a dead socket within five seconds', async () => {
    const { socket, states } = await joined();
    vi.advanceTimersByTime(2000);
    expect(socket.types().at(-1)).toBe('ping');
    expect(states).toEqual([]);
    vi.advanceTimersByTime(3000);
    expect(states).toEqual([
      { kind: 'reconnecting', attempt: 1, retryAtMs: expect.any(Number) as number, media: 'up' },
    ]);
    expect(socket.closed).toBe(true);
  });

  it('goes on when the server answers', async () => {
    const { socket, states } = await joined();
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(2000);
      socket.receive({ type: 'pong', time: 0 });
    }
    expect(states).toEqual([]);
    expect(socket.types().filter((type) => type === 'ping').length).toBeGreaterThan(3);
  });

  it('asks at once after a hint, with less patience', async () => {
    const { session, socket, states } = await joined();
    session.hint();
    expect(socket.types().at(-1)).toBe('ping');
    vi.advanceTimersByTime(1500);
    expect(states).toHaveLength(1);
  });

  it('does not judge after the page slept', async () => {
    const { socket, states } = await joined();
    vi.advanceTimersByTime(2000);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000);
    vi.advanceTimersByTime(2500);
    expect(states).toEqual([]);
    expect(socket.types().filter((type) => type === 'ping')).toHaveLength(2);
  });
});

describe('reconnecting', () => {
  it('resumes with the secret', async () => {
    const { session, socket, states, calls } = await joined();
    socket.lose();
    FakeWebSocket.last.open();
    expect(FakeWebSocket.last.sent).toEqual([{ type: 'hello', version: 1, client: 'hiroba-sdk', resume: 'secret-1' }]);
    FakeWebSocket.last.receive(welcome('secret-1', true));
    expect(calls).toEqual(['welcome secret-1', 'resume media']);
    expect(states.map(({ kind }) => kind)).toEqual(['reconnecting', 'joined']);
    expect(session.reconnects).toBe(1);
  });

  it('joins afresh in place of a session that is gone, on the same socket', async () => {
    const { session, socket, calls } = await joined();
    socket.lose();
    FakeWebSocket.last.open();
    FakeWebSocket.last.receive({ type: 'error', code: 'resume_failed', message: '', re: 'hello' });
    expect(FakeWebSocket.last.sent.at(-1)).toEqual({ type: 'join', room: 'tea', name: 'Ada', replaces: 'secret-1' });
    FakeWebSocket.last.receive(welcome('secret-2'));
    session.happened({ type: 'answered' });
    expect(calls).toEqual(['welcome secret-2', 'start media']);
    expect(session.state).toEqual({ kind: 'joined' });
    expect(session.secret).toBe('secret-2');
  });

  it('tries at the times of the backoff', async () => {
    const { socket } = await joined();
    const start = Date.now();
    const times: number[] = [];
    socket.lose();
    for (let i = 0; i < 6; i++) {
      times.push(Date.now() - start);
      FakeWebSocket.last.lose();
      vi.advanceTimersToNextTimer();
    }
    expect(times).toEqual([0, 300, 1000, 2000, 3500, 5500]);
  });

  it('asks over HTTP first when the server is away for long', async () => {
    const fetched: string[] = [];
    let there = false;
    vi.stubGlobal('fetch', (url: string) => {
      fetched.push(url);
      return there ? Promise.resolve() : Promise.reject(new Error('refused'));
    });
    const { socket } = await joined();
    socket.lose();
    for (let i = 0; i < 8; i++) {
      FakeWebSocket.last.lose();
      await vi.advanceTimersToNextTimerAsync();
    }
    const opened = FakeWebSocket.all.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeWebSocket.all).toHaveLength(opened);
    expect(fetched.length).toBeGreaterThan(3);
    expect(fetched[0]).toBe('https://hiroba.example/ws');
    there = true;
    await vi.advanceTimersByTimeAsync(3000);
    expect(FakeWebSocket.all).toHaveLength(opened + 1);
  });

  it('comes back after a goodbye that asks for it, and lets the server close', async () => {
    const { socket, states } = await joined();
    socket.receive({ type: 'bye', reason: 'shutdown', message: 'restart', reconnect: true, afterMs: 1000 });
    expect(socket.closed).toBe(false);
    expect(states.at(-1)).toMatchObject({ kind: 'reconnecting', media: 'down' });
    vi.advanceTimersByTime(1249);
    expect(FakeWebSocket.all).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeWebSocket.all).toHaveLength(2);
    FakeWebSocket.last.open();
    expect(FakeWebSocket.last.types()).toEqual(['hello', 'join']);
    vi.advanceTimersByTime(2000);
    expect(socket.closed).toBe(true);
  });

  it('does not come back after a goodbye that is final', async () => {
    const { socket, states, calls } = await joined();
    socket.receive({ type: 'bye', reason: 'resumed_elsewhere', message: 'elsewhere', reconnect: false });
    expect(states).toEqual([{ kind: 'ended', reason: 'resumed_elsewhere', message: 'elsewhere' }]);
    expect(calls).toEqual(['drop media']);
    vi.advanceTimersByTime(60_000);
    expect(FakeWebSocket.all).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives an unanswered offer up and tries once more', async () => {
    const { session, socket, states } = await joined();
    session.happened({ type: 'media_lost' });
    expect(socket.closed).toBe(true);
    const second = FakeWebSocket.last;
    second.open();
    second.receive(welcome('secret-2'));
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(1000);
      second.receive({ type: 'pong', time: 0 });
    }
    expect(states.at(-1)).toMatchObject({ kind: 'reconnecting', attempt: 2 });
    vi.advanceTimersByTime(400);
    FakeWebSocket.last.open();
    expect(FakeWebSocket.last.sent[1]).toMatchObject({ type: 'join', replaces: 'secret-2' });
  });
});
