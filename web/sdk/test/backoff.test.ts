import { describe, expect, it } from 'vitest';
import { backoffMs } from '../src/backoff.ts';

describe('backoffMs', () => {
  it('starts at once and settles at two seconds', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => backoffMs(attempt, 0.5));
    expect(delays).toEqual([0, 300, 700, 1000, 1500, 2000, 2000, 2000]);
  });

  it('spreads clients by a fifth in both directions', () => {
    expect(backoffMs(4, 0)).toBe(800);
    expect(backoffMs(4, 0.999999)).toBe(1200);
  });

  it('takes nonsense as the first attempt', () => {
    expect(backoffMs(0, 0.5)).toBe(0);
    expect(backoffMs(-3, 0.5)).toBe(0);
  });
});
