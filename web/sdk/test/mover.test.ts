import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatLog } from '../src/chat.ts';
import { HirobaError } from '../src/error.ts';
import { isComplete, Mover, sameNames } from '../src/mover.ts';
import type { Sight } from '../src/mover.ts';
import type { Successor } from '../src/successor.ts';

const sight = (names: string, seen: string): Sight => ({ names: new Set(names), seen: new Set(seen) });

describe('isComplete', () => {
  it.each([
    ['', '', '', '', true],
    ['ab', 'ab', 'ab', 'ab', true],
    ['ab', 'ab', 'ab', 'a', false],
    ['ab', 'a', 'ab', 'a', true], // b has no camera
    ['ab', 'a', 'a', 'a', false],
    ['a', 'ab', 'a', 'a', true], // b has just left here
    ['a', 'a', 'abc', 'abc', true],
  ])('with %s here, %s seen, and %s there, %s seen, is %s', (names, seen, thereNames, thereSeen, want) => {
    expect(isComplete(sight(names, seen), sight(thereNames, thereSeen))).toBe(want);
  });
});

describe('sameNames', () => {
  it('maps who is in both', () => {
    const people = (text: string): { id: string; name: string }[] =>
      text.split(' ').map((pair) => ({ id: pair.slice(1), name: pair.slice(0, 1) }));
    expect([...sameNames(people('a1 b2 c3'), people('b7 a8 d9'))]).toEqual([
      ['1', '8'],
      ['2', '7'],
    ]);
  });
});

/** A server elsewhere that is the test's. */
class FakeSuccessor {
  readonly session = { state: { kind: 'joining' } };
  here = sight('', '');
  closed = false;
  resolve: () => void = () => undefined;
  reject: (error: HirobaError) => void = () => undefined;
  join(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.resolve = () => {
        this.session.state = { kind: 'joined' };
        resolve();
      };
      this.reject = reject;
    });
  }
  sight(): Sight {
    return this.here;
  }
  close(): void {
    this.closed = true;
  }
}

function setUp(): { mover: Mover; begun: FakeSuccessor[]; urls: (string | undefined)[]; calls: string[] } {
  const begun: FakeSuccessor[] = [];
  const urls: (string | undefined)[] = [];
  const calls: string[] = [];
  const mover = new Mover({
    begin: (url) => {
      urls.push(url);
      const successor = new FakeSuccessor();
      begun.push(successor);
      return successor as unknown as Successor;
    },
    sight: () => sight('ab', 'ab'),
    adopt: () => calls.push('adopt'),
    onMoving: (moving) => calls.push(`moving ${moving}`),
  });
  return { mover, begun, urls, calls };
}

describe('Mover', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('changes over when the same people are seen there, and not before', async () => {
    const { mover, begun, urls, calls } = setUp();
    mover.draining({ type: 'draining', endsInMs: 60_000, to: 'wss://b.example/ws' });
    await vi.advanceTimersByTimeAsync(300);
    expect(urls).toEqual(['wss://b.example/ws']);
    begun[0]?.resolve();
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls).toEqual(['moving true']);
    if (begun[0]) begun[0].here = sight('ab', 'ab');
    await vi.advanceTimersByTimeAsync(100);
    expect(calls).toEqual(['moving true', 'adopt', 'moving false']);
    expect(mover.moving).toBe(false);
  });

  it('does not wait for ever for people who do not come', async () => {
    const { mover, begun, calls } = setUp();
    mover.draining({ type: 'draining', endsInMs: 60_000 });
    await vi.advanceTimersByTimeAsync(300);
    begun[0]?.resolve();
    await vi.advanceTimersByTimeAsync(8100);
    expect(calls).toContain('adopt');
  });

  it('tries again while it is refused, as late as the server says, and gives up at the end', async () => {
    const { mover, begun, calls } = setUp();
    mover.draining({ type: 'draining', endsInMs: 10_000 });
    await vi.advanceTimersByTimeAsync(200);
    begun[0]?.reject(new HirobaError('draining', 'not yet', { retryAfterMs: 4000 }));
    await vi.advanceTimersByTimeAsync(3900);
    expect(begun).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(begun).toHaveLength(2);
    begun[1]?.reject(new HirobaError('draining', 'not yet', { retryAfterMs: 8000 }));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(begun).toHaveLength(2);
    expect(begun.every(({ closed }) => closed)).toBe(true);
    expect(calls).toEqual(['moving true', 'moving false']);
  });

  it('changes over at once when the former server is gone, if it can', async () => {
    const { mover, begun, calls } = setUp();
    mover.draining({ type: 'draining', endsInMs: 60_000 });
    await vi.advanceTimersByTimeAsync(300);
    begun[0]?.resolve();
    await vi.advanceTimersByTimeAsync(100);
    expect(mover.hurry()).toBe(true);
    await vi.advanceTimersByTimeAsync(100);
    expect(calls).toContain('adopt');
  });

  it('gives up when the former server is gone and the other has not answered', async () => {
    const { mover, begun, calls } = setUp();
    mover.draining({ type: 'draining', endsInMs: 60_000 });
    await vi.advanceTimersByTimeAsync(300);
    expect(mover.hurry()).toBe(false);
    begun[0]?.resolve();
    await vi.advanceTimersByTimeAsync(1000);
    expect(begun[0]?.closed).toBe(true);
    expect(calls).toEqual(['moving true', 'moving false']);
  });
});

describe('the chat log of somebody who moved', () => {
  const said = (seq: number, text: string, at = seq): Parameters<ChatLog['add']>[0] => ({
    seq,
    from: 'p',
    name: 'Aiko',
    text,
    at,
  });

  it('keeps what was said before, and puts what comes late from there before what is said here', () => {
    const log = new ChatLog();
    log.add(said(1, 'one'));
    log.add(said(2, 'two'));
    log.restart();
    log.merge([]);
    log.add(said(1, 'here', 10));
    expect(log.addFormer(said(3, 'three'))).toBe(true);
    expect(log.addFormer(said(2, 'two'))).toBe(false);
    log.add(said(2, 'here too', 11));
    expect(log.messages.map(({ text }) => text)).toEqual(['one', 'two', 'three', 'here', 'here too']);
  });
});
