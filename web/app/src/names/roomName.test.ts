import { describe, expect, it } from 'vitest';
import { cleanRoomName, generateGuestName, generateRoomName } from './roomName.ts';

describe('generateRoomName', () => {
  it('makes three parts of two open syllables', () => {
    for (let i = 0; i < 200; i++) {
      expect(generateRoomName()).toMatch(/^(?:[bdghjkmnrstyz][aeiou]){2}(?:-(?:[bdghjkmnrstyz][aeiou]){2}){2}$/u);
    }
  });

  it('does not repeat itself', () => {
    const names = new Set(Array.from({ length: 1000 }, () => generateRoomName()));
    expect(names.size).toBe(1000);
  });

  it('follows the numbers it is given', () => {
    expect(generateRoomName(() => 0)).toBe('baba-baba-baba');
    expect(generateRoomName((below) => below - 1)).toBe('zuzu-zuzu-zuzu');
  });
});

describe('generateGuestName', () => {
  it('puts a pronounceable word behind the given one', () => {
    expect(generateGuestName('Guest', () => 1)).toBe('Guest Dede');
  });
});

describe('cleanRoomName', () => {
  it.each([
    ['  Monday stand up ', 'Monday-stand-up'],
    ['朝会　東京', '朝会-東京'],
    ['\t', ''],
    ['kano-mibe', 'kano-mibe'],
  ])('turns %j into %j', (typed, want) => {
    expect(cleanRoomName(typed)).toBe(want);
  });
});
