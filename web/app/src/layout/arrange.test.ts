import { describe, expect, it } from 'vitest';
import { arrange, type Scene } from './arrange.ts';

const people = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `p${i}`);
const scene = (change: Partial<Scene>): Scene => ({
  area: { width: 1280, height: 720 },
  others: people(4),
  own: 'me',
  stage: undefined,
  page: 0,
  maxTiles: 16,
  ...change,
});

describe('arrange', () => {
  it('shows everybody as equals when nobody is in front', () => {
    const { placed, pages } = arrange(scene({}));
    expect(placed.map(({ key, role }) => [key, role])).toEqual([
      ['p0', 'grid'],
      ['p1', 'grid'],
      ['p2', 'grid'],
      ['p3', 'grid'],
      ['me', 'grid'],
    ]);
    expect(pages).toBe(1);
  });

  it('puts the pinned one in front, once, and the others beside', () => {
    const { placed } = arrange(scene({ stage: 'p2' }));
    expect(placed.filter(({ key }) => key === 'p2')).toHaveLength(1);
    expect(placed[0]).toMatchObject({ key: 'p2', role: 'stage' });
    expect(placed.slice(1).map(({ key }) => key)).toEqual(['p0', 'p1', 'p3', 'me']);
    const front = placed[0]?.box;
    for (const { box } of placed.slice(1)) expect(box.x).toBeGreaterThan((front?.x ?? 0) + (front?.width ?? 0));
  });

  it('keeps people wide in the strip of a wide window', () => {
    for (const { box } of arrange(scene({ stage: 'p0', others: ['p0', 'p1'], own: undefined })).placed.slice(1)) {
      expect(box.width / box.height).toBeCloseTo(16 / 9, 1);
    }
  });

  it('gives the whole floor to the one in front when nobody else is there', () => {
    const { placed } = arrange(scene({ others: ['s'], own: undefined, stage: 's' }));
    expect(placed).toEqual([{ key: 's', role: 'stage', box: { x: 0, y: 0, width: 1280, height: 720 } }]);
  });

  it('puts people under the one in front on a phone held upright', () => {
    const { placed } = arrange(scene({ area: { width: 390, height: 700 }, stage: 'p0', maxTiles: 6 }));
    expect(placed[0]?.box).toEqual({ x: 0, y: 0, width: 390, height: 219 });
    expect(placed).toHaveLength(5);
    for (const { box } of placed.slice(1)) expect(box.y).toBeGreaterThan(219);
  });

  it('turns pages above what fits, and never shows more than the seats allow', () => {
    for (const stage of [undefined, 'p7']) {
      for (const maxTiles of [1, 2, 6, 16]) {
        const first = arrange(scene({ others: people(30), stage, maxTiles }));
        const seen = new Set<string>();
        for (let page = 0; page < first.pages; page++) {
          const { placed } = arrange(scene({ others: people(30), stage, maxTiles, page }));
          expect(placed.length).toBeLessThanOrEqual(Math.max(maxTiles, stage === undefined ? 1 : 2));
          for (const { key } of placed) seen.add(key);
        }
        expect(seen.size).toBe(31);
      }
    }
  });

  it('stays inside the floor for any window', () => {
    for (const width of [200, 320, 390, 700, 1280, 2560]) {
      for (const height of [150, 320, 700, 1400]) {
        for (const stage of [undefined, 'p1']) {
          for (const { box } of arrange(scene({ area: { width, height }, others: people(20), stage })).placed) {
            expect(box.x).toBeGreaterThanOrEqual(0);
            expect(box.y).toBeGreaterThanOrEqual(0);
            expect(box.x + box.width).toBeLessThanOrEqual(width);
            expect(box.y + box.height).toBeLessThanOrEqual(height);
          }
        }
      }
    }
  });

  it('places nothing before the floor has a size', () => {
    expect(arrange(scene({ area: { width: 0, height: 0 } })).placed).toEqual([]);
  });
});
