import { describe, expect, it } from 'vitest';
import { Speedometer } from '../src/files/speed.ts';
import { ReceiveWindow, SendWindow } from '../src/files/window.ts';

/** Sends all that the window allows; the sizes of the chunks. */
function fill(window: SendWindow): number[] {
  const chunks: number[] = [];
  for (let bytes = window.next(); bytes > 0; bytes = window.next()) {
    window.send(bytes);
    chunks.push(bytes);
  }
  return chunks;
}

describe('SendWindow', () => {
  it('cuts a file into whole chunks and a rest', () => {
    const window = new SendWindow(25, 100, 10);
    expect(fill(window)).toEqual([10, 10, 5]);
    expect(window.complete).toBe(true);
  });

  it('runs no further ahead than its size, and waits rather than send crumbs', () => {
    const window = new SendWindow(1000, 35, 10);
    expect(fill(window)).toEqual([10, 10, 10]);
    window.acknowledge(4);
    expect(fill(window)).toEqual([]);
    window.acknowledge(10);
    expect(fill(window)).toEqual([10]);
  });

  it('goes on with chunks larger than itself', () => {
    expect(fill(new SendWindow(100, 8, 10))).toEqual([8]);
  });

  it('has nothing to send of an empty file', () => {
    const window = new SendWindow(0, 100, 10);
    expect(window.next()).toBe(0);
    expect(window.complete).toBe(true);
  });

  it('refuses an acknowledgement of what was not sent, and ignores an old one', () => {
    const window = new SendWindow(100, 50, 10);
    fill(window);
    expect(window.acknowledge(51)).toBe(false);
    expect(window.acknowledge(-1)).toBe(false);
    expect(window.acknowledge(30)).toBe(true);
    expect(window.acknowledge(20)).toBe(true);
    expect(window.acked).toBe(30);
  });
});

describe('ReceiveWindow', () => {
  it('acknowledges each quarter of the window, and the end', () => {
    const window = new ReceiveWindow(95, 40);
    const acks: number[] = [];
    for (let offset = 0; offset < 95; offset += 5) {
      expect(window.receive(offset, 5)).toBe(true);
      acks.push(...[window.due()].filter((due) => due !== undefined));
    }
    expect(acks).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 95]);
    expect(window.due()).toBeUndefined();
  });

  it('acknowledges an empty file once', () => {
    const window = new ReceiveWindow(0, 40);
    expect(window.due()).toBe(0);
    expect(window.due()).toBeUndefined();
  });

  it.each([
    ['a gap', 20, 10],
    ['a repetition', 0, 10],
    ['more than the file has', 10, 91],
  ])('is broken by %s', (_name, offset, bytes) => {
    const window = new ReceiveWindow(100, 40);
    window.receive(0, 10);
    expect(window.receive(offset, bytes)).toBe(false);
  });

  it('keeps any sender going to the end', () => {
    for (const [size, windowBytes, chunk] of [
      [1000, 40, 10],
      [999, 7, 16],
      [1, 1, 1],
      [65_537, 1024, 1000],
      [10_000, 16, 16],
    ] as const) {
      const sender = new SendWindow(size, windowBytes, chunk);
      const receiver = new ReceiveWindow(size, windowBytes);
      for (let turns = 0; !receiver.complete && turns < 100_000; turns++) {
        const bytes = sender.next();
        expect(bytes, `stuck at ${receiver.received} of ${size}`).toBeGreaterThan(0);
        expect(receiver.receive(sender.sent, bytes)).toBe(true);
        sender.send(bytes);
        const due = receiver.due();
        if (due !== undefined) {
          expect(sender.acknowledge(due)).toBe(true);
        }
      }
      expect(sender.acked).toBe(size);
    }
  });
});

describe('Speedometer', () => {
  it('measures the last three seconds', () => {
    const speed = new Speedometer();
    expect(speed.bytesPerSecond).toBe(0);
    for (let second = 0; second <= 10; second++) {
      speed.record(second < 5 ? 0 : (second - 5) * 1000, second * 1000);
    }
    expect(speed.bytesPerSecond).toBe(1000);
  });
});
