import { describe, expect, it } from 'vitest';
import { loudness } from './level.ts';

const sine = (amplitude: number): number[] =>
  Array.from({ length: 512 }, (_, i) => amplitude * Math.sin((2 * Math.PI * 8 * i) / 512));

describe('loudness', () => {
  it('is 0 for silence and for noise that nobody hears', () => {
    expect(loudness([])).toBe(0);
    expect(loudness(new Float32Array(512))).toBe(0);
    expect(loudness(sine(0.0005))).toBe(0);
  });

  it('is 1 for a loud voice, and never more', () => {
    expect(loudness(sine(0.5))).toBe(1);
    expect(loudness(sine(1))).toBe(1);
  });

  it('grows evenly with decibels', () => {
    expect(loudness(sine(0.1)) - loudness(sine(0.01))).toBeCloseTo(0.4, 5);
  });
});
