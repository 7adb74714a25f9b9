import { describe, expect, it } from 'vitest';
import { gridCapacity, type Box, type Size, tileGrid, widescreen } from './grid.ts';

const desktop: Size = { width: 1280, height: 720 };
const phone: Size = { width: 390, height: 700 };

const overlaps = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe('tileGrid', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 2],
    [5, 3],
    [9, 3],
    [12, 4],
    [16, 4],
  ])('puts %i people in %i columns on a wide window', (count, columns) => {
    expect(tileGrid(desktop, count, 8).columns).toBe(columns);
  });

  it('fills a phone held upright with two people above each other', () => {
    const grid = tileGrid(phone, 2, 8);
    expect(grid.columns).toBe(1);
    expect(grid.tile).toEqual({ width: 390, height: 346 });
  });

  it('fills a phone held upright with one person', () => {
    expect(tileGrid(phone, 1, 8).tile).toEqual({ width: 390, height: 693 });
  });

  it('stays inside the area, and no tile covers another, for any size and count', () => {
    for (const width of [1, 160, 320, 390, 844, 1280, 2560]) {
      for (const height of [1, 120, 390, 700, 1400]) {
        for (let count = 1; count <= 30; count++) {
          const area = { width, height };
          const { boxes, tile } = tileGrid(area, count, 8);
          expect(boxes).toHaveLength(count);
          if (tile.width === 0) continue; // gaps alone are wider than the area
          for (const [i, box] of boxes.entries()) {
            expect(box.x).toBeGreaterThanOrEqual(0);
            expect(box.y).toBeGreaterThanOrEqual(0);
            expect(box.x + box.width).toBeLessThanOrEqual(width);
            expect(box.y + box.height).toBeLessThanOrEqual(height);
            expect(boxes.slice(i + 1).some((other) => overlaps(box, other))).toBe(false);
          }
        }
      }
    }
  });

  it('keeps 16:9 on a wide window', () => {
    for (let count = 1; count <= 16; count++) {
      const { tile } = tileGrid(desktop, count, 8);
      expect(tile.width / tile.height).toBeCloseTo(16 / 9, 1);
    }
  });

  it('finds tiles at least as large as every other number of columns would', () => {
    for (let count = 1; count <= 25; count++) {
      const { tile } = tileGrid(desktop, count, 8, widescreen);
      for (let columns = 1; columns <= count; columns++) {
        const rows = Math.ceil(count / columns);
        const width = Math.floor(
          Math.min((1280 - 8 * (columns - 1)) / columns, (((720 - 8 * (rows - 1)) / rows) * 16) / 9),
        );
        expect(tile.width).toBeGreaterThanOrEqual(width);
      }
    }
  });

  it('centres a last row that is not full', () => {
    const { boxes, tile } = tileGrid(desktop, 5, 8);
    const lastRow = boxes.slice(3);
    expect(lastRow.map((box) => box.x)).toEqual([
      Math.floor((1280 - 2 * tile.width - 8) / 2),
      Math.floor((1280 - 2 * tile.width - 8) / 2) + tile.width + 8,
    ]);
  });

  it('is empty without people or without room', () => {
    expect(tileGrid(desktop, 0, 8).boxes).toEqual([]);
    expect(tileGrid({ width: 0, height: 0 }, 3, 8).boxes).toEqual([]);
  });
});

describe('gridCapacity', () => {
  it('is bounded by the width of a tile', () => {
    expect(gridCapacity({ width: 640, height: 360 }, 8, 200, 16)).toBe(9);
    expect(gridCapacity({ width: 640, height: 360 }, 8, 300, 16)).toBe(4);
  });

  it('is bounded by the number of tiles', () => {
    expect(gridCapacity({ width: 3840, height: 2160 }, 8, 200, 16)).toBe(16);
    expect(gridCapacity(phone, 8, 140, 6)).toBe(6);
  });

  it('is one in the smallest window', () => {
    expect(gridCapacity({ width: 10, height: 10 }, 8, 200, 16)).toBe(1);
  });
});
