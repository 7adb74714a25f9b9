import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Mender } from '../src/mender.ts';

/** The transport of an RTCPeerConnection: a state, a count of bytes, and the restarts asked for. */
class FakeConnection {
  connectionState: RTCPeerConnectionState = 'connected';
  onconnectionstatechange: (() => void) | null = null;
  bytes = 0;
  restarts = 0;
  restartIce(): void {
    this.restarts++;
  }
  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map([['pair', { type: 'candidate-pair', bytesReceived: this.bytes }]]));
  }
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

function setUp(): { pc: FakeConnection; mender: Mender; calls: string[]; answer: (error?: Error) => void } {
  const pc = new FakeConnection();
  const calls: string[] = [];
  let settle: (error?: Error) => void = () => undefined;
  const mender = new Mender(
    pc as unknown as RTCPeerConnection,
    {
      negotiate: () =>
        new Promise((resolve, reject) => {
          settle = (error) => {
            if (error) {
              reject(error);
            } else {
              resolve();
            }
          };
        }),
      ask: () => false,
      onDoubt: () => undefined,
      onDown: () => calls.push('down'),
      onBack: () => calls.push('back'),
      onLost: () => calls.push('lost'),
    },
    undefined,
  );
  return {
    pc,
    mender,
    calls,
    answer: (error) => {
      settle(error);
    },
  };
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a disconnected transport', () => {
  it('is given two seconds to recover', async () => {
    const { pc, calls } = setUp();
    pc.become('disconnected');
    await pass(1900);
    pc.become('connected');
    await pass(10_000);
    expect([pc.restarts, calls]).toEqual([0, []]);
  });

  it('is mended then', async () => {
    const { pc, calls, answer } = setUp();
    pc.become('disconnected');
    await pass(2000);
    expect([pc.restarts, calls]).toEqual([1, ['down']]);
    answer();
    await pass(100);
    pc.become('connecting');
    pc.become('connected');
    await pass(10_000);
    expect(calls).toEqual(['down', 'back']);
  });

  it('is lost when the restart does not work within five seconds of the answer', async () => {
    const { pc, calls, answer } = setUp();
    pc.become('failed');
    await pass(60_000); // no socket: the offer waits
    expect(calls).toEqual(['down']);
    answer();
    await pass(4900);
    expect(calls).toEqual(['down']);
    await pass(700);
    expect(calls).toEqual(['down', 'lost']);
    pc.become('failed');
    await pass(60_000);
    expect(calls).toEqual(['down', 'lost']);
  });

  it('is lost when the server refuses', async () => {
    const { pc, calls, answer } = setUp();
    pc.become('failed');
    answer(new Error('no'));
    await pass(0);
    expect(calls).toEqual(['down', 'lost']);
  });
});

describe('after the socket came back', () => {
  it('nothing happens while packets arrive', async () => {
    const { pc, mender, calls } = setUp();
    void mender.check(true);
    await pass(500);
    pc.bytes += 100;
    await pass(10_000);
    expect([pc.restarts, calls]).toEqual([0, []]);
  });

  it.each([
    [true, 1000],
    [false, 3500],
  ])('silence is mended although the browser has not noticed (receiving: %s)', async (receiving, ms) => {
    const { pc, mender, calls, answer } = setUp();
    void mender.check(receiving);
    await pass(ms - 1);
    expect(calls).toEqual([]);
    await pass(1);
    expect([pc.restarts, calls]).toEqual([1, ['down']]);
    answer();
    await pass(1000);
    pc.bytes += 100;
    await pass(300);
    expect(calls).toEqual(['down', 'back']);
  });

  it('a transport that breaks, too, is mended at once', async () => {
    const { pc, mender, calls } = setUp();
    void mender.check(false);
    await pass(1000);
    pc.become('disconnected');
    await pass(0);
    expect(calls).toEqual(['down']);
  });
});

it('a closed mender does nothing', async () => {
  const { pc, mender, calls } = setUp();
  void mender.check(true);
  pc.become('disconnected');
  mender.close();
  pc.become('failed');
  await pass(60_000);
  expect([pc.restarts, calls]).toEqual([0, []]);
  expect(vi.getTimerCount()).toBe(0);
});
