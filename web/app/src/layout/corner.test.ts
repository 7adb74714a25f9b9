import { describe, expect, it } from 'vitest';
import { cornerBox, nearestCorner } from './corner.ts';

const corners = ['top-start', 'top-end', 'bottom-start', 'bottom-end'] as const;

describe('cornerBox', () => {
  it('stays inside the floor, in its corner', () => {
    for (const area of [
      { width: 320, height: 480 },
      { width: 1280, height: 720 },
      { width: 2560, height: 1300 },
    ]) {
      for (const corner of corners) {
        const box = cornerBox(area, corner, false);
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.y).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(area.width);
        expect(box.y + box.height).toBeLessThanOrEqual(area.height);
        expect(nearestCorner(area, box)).toBe(corner);
      }
    }
  });

  it('stands upright where the window does', () => {
    const { width, height } = cornerBox({ width: 390, height: 700 }, 'bottom-end', false);
    expect(height).toBeGreaterThan(width);
  });

  it('is larger while one is alone', () => {
    const area = { width: 1280, height: 720 };
    expect(cornerBox(area, 'top-end', true).width).toBeGreaterThan(cornerBox(area, 'top-end', false).width);
  });
});
