import { describe, expect, it } from 'vitest';
import { initials, nameHue } from './avatar.ts';

describe('initials', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['ben', 'B'],
    ['Jean-Luc Picard', 'JP'],
    ['Ursula K. Le Guin', 'UG'],
    ['山田 太郎', '山'],
    ['あいこ', 'あ'],
    ['Élodie', 'É'],
    ['👩‍👩‍👧 family', '👩‍👩‍👧'],
    ['Guest 42', 'G'],
    ['   ', '?'],
    ['', '?'],
  ])('of %j are %j', (name, want) => {
    expect(initials(name)).toBe(want);
  });
});

describe('nameHue', () => {
  it('is stable and within the circle', () => {
    for (const name of ['Aiko', 'Ben', 'Chen', '山田', '']) {
      expect(nameHue(name)).toBe(nameHue(name));
      expect(nameHue(name)).toBeGreaterThanOrEqual(0);
      expect(nameHue(name)).toBeLessThan(360);
    }
  });

  it('spreads similar names', () => {
    const sectors = new Set(Array.from({ length: 60 }, (_, i) => Math.floor(nameHue(`user${i}`) / 45)));
    expect(sectors.size).toBe(8);
  });
});
