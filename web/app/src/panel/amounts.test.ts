import { describe, expect, it } from 'vitest';
import { percentOf, sizeText, waitText } from './amounts.ts';

describe('sizeText', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1000, '1 kB'],
    [1234, '1.2 kB'],
    [999_600, '1 MB'],
    [123_456_789, '123 MB'],
    [2_500_000_000, '2.5 GB'],
  ])('of %i is %s', (bytes, want) => {
    expect(sizeText(bytes, 'en')).toBe(want);
  });

  it('speaks Japanese', () => {
    expect(sizeText(1_500_000, 'ja')).toBe('1.5 MB');
  });
});

describe('waitText', () => {
  it.each([
    [0, '1 sec'],
    [42.4, '42 sec'],
    [125, '2 min'],
    [7200, '2 hr'],
  ])('of %d seconds is %s', (seconds, want) => {
    expect(waitText(seconds, 'en')).toBe(want);
  });
});

describe('percentOf', () => {
  it('is 100 only when all is done', () => {
    expect(percentOf(999, 1000)).toBe(99);
    expect(percentOf(1000, 1000)).toBe(100);
    expect(percentOf(0, 0)).toBe(100);
    expect(percentOf(0, 10)).toBe(0);
  });
});
