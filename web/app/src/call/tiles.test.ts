import type { Participant, Source } from '@hiroba/sdk';
import { describe, expect, it } from 'vitest';
import { cameraTile, movedKey, othersTiles, resolveSelfView, screenOrder, stageKey, viewOf } from './tiles.ts';

const person = (id: string, ...sources: readonly Source[]): Participant => ({
  id,
  name: id,
  joinedAtMs: 0,
  isSelf: id === 'me',
  tracks: sources.map((source, i) => ({ source, csrc: i, muted: false })),
});

describe('othersTiles', () => {
  it('has one tile for everybody, with or without camera, and one for each shared screen', () => {
    const tiles = othersTiles([person('a'), person('b', 'camera', 'screen')]);
    expect(tiles.map((tile) => tile.key)).toEqual(['b/screen', 'a/camera', 'b/camera']);
  });

  it('makes the same tile of the same participant', () => {
    const [a, b] = [person('a', 'camera'), person('b', 'camera')];
    expect(othersTiles([a, b])[1]).toBe(othersTiles([b])[0]);
    expect(othersTiles([{ ...a, tracks: [] }])[0]).not.toBe(othersTiles([a])[0]);
  });

  it('has no tile for a screen that is muted', () => {
    const quiet = { ...person('a'), tracks: [{ source: 'screen' as const, csrc: 1, muted: true }] };
    expect(othersTiles([quiet]).map((tile) => tile.key)).toEqual(['a/camera']);
  });
});

describe('stageKey', () => {
  const tiles = othersTiles([person('a', 'screen'), person('b', 'screen')]);

  it('is what is pinned, while it is there', () => {
    expect(stageKey('a/camera', tiles, ['a/screen'])).toBe('a/camera');
    expect(stageKey('gone/camera', tiles, [])).toBeUndefined();
  });

  it('is the screen that came last', () => {
    expect(stageKey(undefined, tiles, ['b/screen', 'a/screen'])).toBe('a/screen');
    expect(stageKey(undefined, tiles, ['b/screen', 'gone/screen'])).toBe('b/screen');
  });
});

describe('screenOrder', () => {
  it('appends who begins and drops who ends', () => {
    const first = screenOrder([], othersTiles([person('b', 'screen')]));
    const both = screenOrder(first, othersTiles([person('a', 'screen'), person('b', 'screen')]));
    expect(both).toEqual(['b/screen', 'a/screen']);
    expect(screenOrder(both, othersTiles([person('a', 'screen'), person('b')]))).toEqual(['a/screen']);
  });

  it('is the same list while nothing changes', () => {
    const order = ['a/screen'];
    expect(screenOrder(order, othersTiles([person('a', 'screen')]))).toBe(order);
  });
});

describe('resolveSelfView', () => {
  it('floats until there are two others, unless chosen', () => {
    expect([0, 1, 2, 9].map((others) => resolveSelfView('auto', others, false))).toEqual([
      'float',
      'float',
      'grid',
      'grid',
    ]);
    expect(resolveSelfView('hidden', 5, true)).toBe('hidden');
    expect(resolveSelfView('auto', 1, true)).toBe('grid');
  });
});

describe('viewOf', () => {
  it('names others in device pixels, the one in front as pinned, and never oneself', () => {
    const me = person('me', 'camera');
    const tiles = [...othersTiles([person('a', 'screen')]), cameraTile(me)];
    const box = { x: 0, y: 0, width: 320.4, height: 180 };
    const placed = [
      { key: 'a/screen', role: 'stage' as const, box },
      { key: 'a/camera', role: 'strip' as const, box },
      { key: 'me/camera', role: 'strip' as const, box },
    ];
    expect(viewOf(placed, tiles, 'me', 2)).toEqual([
      { participant: 'a', source: 'screen', width: 641, height: 360, pinned: true },
      { participant: 'a', source: 'camera', width: 641, height: 360 },
    ]);
  });
});

describe('movedKey', () => {
  const ids = new Map([['p1', 'q7']]);
  it.each([
    ['p1/screen', 'q7/screen'],
    ['p2/camera', undefined],
    [undefined, undefined],
  ])('of %s is %s', (key, want) => {
    expect(movedKey(key, ids)).toBe(want);
  });
});
