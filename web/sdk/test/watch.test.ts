import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Watch } from '../src/watch.ts';

/** A transport through which something comes every so often, and answers to what is asked. */
class FakeTransport {
  count = 0;
  /** Milliseconds between arrivals; 0 for none. */
  everyMs = 100;
  answers = true;
  askable = true;
  roundTripMs = 20;
  asked = 0;
  doubts = 0;
  silences: number[] = [];
  readonly watch: Watch;

  constructor() {
    const arrive = (): void => {
      if (this.everyMs > 0) {
        this.count += 1000;
      }
      setTimeout(arrive, this.everyMs || 100);
    };
    arrive();
    this.watch = new Watch({
      arrivals: () => Promise.resolve({ count: this.count, answers: 0, roundTripMs: this.roundTripMs }),
      ask: () => {
        this.asked += this.askable ? 1 : 0;
        if (this.askable && this.answers) {
          setTimeout(() => (this.count += 50), this.roundTripMs);
        }
        return this.askable;
      },
      onDoubt: () => this.doubts++,
      onSilent: () => this.silences.push(performance.now()),
    });
  }

  stop(answers: boolean): number {
    this.everyMs = 0;
    this.answers = answers;
    return performance.now();
  }
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

let transport: FakeTransport;
beforeEach(() => {
  vi.useFakeTimers();
  transport = new FakeTransport();
});
afterEach(() => {
  transport.watch.close();
  vi.useRealTimers();
});

describe('a steady flow', () => {
  it('raises no doubt', async () => {
    await pass(60_000);
    expect([transport.doubts, transport.asked]).toEqual([0, 0]);
  });

  it.each([0, 130, 260, 390])('that breaks is noticed in less than a second and a half (%i ms later)', async (ms) => {
    await pass(5000 + ms);
    const sinceMs = transport.stop(false);
    await pass(5000);
    expect(transport.silences).toHaveLength(1);
    expect(transport.silences[0]).toBeLessThan(sinceMs + 1500);
    expect([transport.doubts, transport.asked]).toEqual([1, 2]);
  });

  it('that ends, as when others mute themselves, costs one question', async () => {
    await pass(5000);
    transport.stop(true);
    await pass(60_000);
    expect([transport.doubts, transport.asked, transport.silences]).toEqual([1, 1, []]);
  });

  it('proves nothing where nobody can be asked', async () => {
    await pass(5000);
    transport.askable = false;
    transport.stop(false);
    await pass(60_000);
    expect(transport.silences).toEqual([]);
    expect(await transport.watch.verify()).toBe(false);
  });

  it('is waited for longer where the way is long', async () => {
    transport.roundTripMs = 700;
    await pass(5000);
    transport.stop(true);
    await pass(10_000);
    expect([transport.doubts, transport.silences]).toEqual([1, []]);
  });

  it('that is lost in the sleep of the page is no reason for doubt', async () => {
    await pass(5000);
    transport.stop(false);
    vi.setSystemTime(Date.now() + 60_000);
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000);
    await pass(500);
    expect(transport.doubts).toBe(0);
    vi.restoreAllMocks();
  });
});

it('a quiet room is left alone', async () => {
  transport.everyMs = 2500;
  await pass(60_000);
  transport.stop(false);
  await pass(60_000);
  expect([transport.doubts, transport.asked]).toEqual([0, 0]);
});

it('asked to, it finds out even where it was quiet', async () => {
  transport.stop(false);
  const verified = transport.watch.verify();
  await pass(500);
  expect(await verified).toBe(true);
  expect(transport.silences).toHaveLength(1);
});

it('a browser that does not count proves nothing', async () => {
  transport.stop(false);
  transport.count = 0;
  expect(await transport.watch.verify()).toBe(false);
  expect([transport.asked, transport.silences]).toEqual([0, []]);
});

it('a closed watch does nothing', async () => {
  await pass(5000);
  const verified = transport.watch.verify();
  transport.watch.close();
  transport.stop(false);
  await pass(60_000);
  await verified;
  expect([transport.doubts, transport.silences]).toEqual([0, []]);
});
