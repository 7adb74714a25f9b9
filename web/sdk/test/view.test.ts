import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { View } from '../src/protocol.ts';
import type { Tile } from '../src/types.ts';
import { ViewSender } from '../src/view.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const tile = (participant: string, width = 320, pinned?: boolean): Tile => {
  const base = { participant, source: 'camera', width, height: 180 } as const;
  return pinned === undefined ? base : { ...base, pinned };
};

function setUp(): { sent: View[]; view: ViewSender; online: { value: boolean } } {
  const sent: View[] = [];
  const online = { value: true };
  const view = new ViewSender((message) => {
    if (online.value) {
      sent.push(message);
    }
    return online.value;
  });
  return { sent, view, online };
}

describe('ViewSender', () => {
  it('sends the first view at once and merges those that follow within 50 ms', () => {
    const { sent, view } = setUp();
    for (let width = 300; width < 320; width++) {
      view.set([tile('ada', width)]);
    }
    expect(sent.map(({ tiles }) => tiles[0]?.width)).toEqual([300]);
    vi.advanceTimersByTime(50);
    expect(sent.map(({ tiles }) => tiles[0]?.width)).toEqual([300, 319]);
  });

  it('sends only what differs', () => {
    const { sent, view } = setUp();
    view.set([tile('ada')]);
    vi.advanceTimersByTime(100);
    view.set([tile('ada', 320.4)]);
    vi.advanceTimersByTime(100);
    expect(sent).toHaveLength(1);
  });

  it('repeats after a welcome, and then what was changed while there was no connection', () => {
    const { sent, view, online } = setUp();
    view.set([tile('ada')]);
    vi.advanceTimersByTime(100);
    online.value = false;
    view.set([tile('ben')]);
    online.value = true;
    view.repeat(100);
    expect(sent.map(({ tiles }) => tiles[0]?.participant)).toEqual(['ada', 'ben']);
    vi.advanceTimersByTime(100);
    view.repeat(100);
    expect(sent).toHaveLength(3);
  });

  it('says nothing before the page does', () => {
    const { sent, view } = setUp();
    view.repeat(100);
    expect(sent).toEqual([]);
  });

  it('keeps pinned tiles within the limit of the server', () => {
    const { sent, view } = setUp();
    view.repeat(2);
    view.set([tile('ada'), tile('ben'), tile('chen', 640, true)]);
    expect(sent[0]?.tiles.map(({ participant }) => participant)).toEqual(['chen', 'ada']);
  });

  it('sends whole, positive sizes', () => {
    const { sent, view } = setUp();
    view.set([
      { ...tile('ada'), width: 100.6, height: 0 },
      { ...tile('ben'), width: NaN },
    ]);
    expect(sent[0]?.tiles).toEqual([
      { participant: 'ada', source: 'camera', width: 101, height: 1 },
      { participant: 'ben', source: 'camera', width: 1, height: 180 },
    ]);
  });
});
