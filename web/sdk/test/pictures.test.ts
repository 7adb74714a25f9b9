import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pictures } from '../src/pictures.ts';

/** A receiver whose list is what a test says, former occupants and all. */
class Receiver {
  readonly #entries = new Map<number, number>();
  /** A frame of this source was decoded. */
  decode(source: number, timestamp: number): void {
    this.#entries.set(source, timestamp);
  }
  getContributingSources(): { source: number; timestamp: number }[] {
    return [...this.#entries].map(([source, timestamp]) => ({ source, timestamp }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(): { pictures: Pictures<string>; receiver: Receiver; onShown: ReturnType<typeof vi.fn> } {
  const onShown = vi.fn();
  return { pictures: new Pictures<string>(onShown), receiver: new Receiver(), onShown };
}

describe('Pictures', () => {
  it('tells when the first picture comes', () => {
    const { pictures, receiver, onShown } = setUp();
    pictures.expect('seat', receiver, 7);
    pictures.look();
    expect(pictures.shown('seat')).toBe(false);
    receiver.decode(7, 100);
    vi.advanceTimersByTime(20);
    expect(pictures.shown('seat')).toBe(true);
    expect(onShown).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(60_000);
    expect(onShown).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('never takes the former occupant for the new one', () => {
    const { pictures, receiver } = setUp();
    pictures.expect('seat', receiver, 7);
    receiver.decode(7, 100);
    pictures.look();
    pictures.expect('seat', receiver, 8);
    receiver.decode(7, 130); // until the key frame of the new one
    pictures.look();
    expect(pictures.shown('seat')).toBe(false);
    receiver.decode(8, 160);
    pictures.look();
    expect(pictures.shown('seat')).toBe(true);
  });

  it('does not take an old entry of somebody who comes back for a new picture', () => {
    const { pictures, receiver } = setUp();
    pictures.expect('seat', receiver, 7);
    receiver.decode(7, 100);
    pictures.look();
    pictures.expect('seat', receiver, 0);
    pictures.expect('seat', receiver, 7);
    pictures.look();
    expect(pictures.shown('seat')).toBe(false);
    receiver.decode(7, 200);
    pictures.look();
    expect(pictures.shown('seat')).toBe(true);
  });

  it('takes a picture that was faster than the message', () => {
    const { pictures, receiver } = setUp();
    receiver.decode(8, 100);
    pictures.expect('seat', receiver, 8);
    pictures.look();
    expect(pictures.shown('seat')).toBe(true);
  });

  it('goes on looking, less often, for somebody who is late', () => {
    const { pictures, receiver, onShown } = setUp();
    pictures.expect('seat', receiver, 7);
    pictures.look();
    vi.advanceTimersByTime(60_000);
    receiver.decode(7, 100);
    vi.advanceTimersByTime(250);
    expect(onShown).toHaveBeenCalledOnce();
  });

  it('rests when nobody is expected', () => {
    const { pictures, receiver } = setUp();
    pictures.expect('seat', receiver, 0);
    pictures.look();
    expect(vi.getTimerCount()).toBe(0);
  });
});
