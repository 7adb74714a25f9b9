import { describe, expect, it } from 'vitest';
import { en } from './en.ts';
import { ja } from './ja.ts';
import { chooseLanguage } from './setup.ts';

interface Tree {
  readonly [key: string]: string | Tree;
}

function flatten(tree: Tree, prefix = ''): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') all.set(prefix + key, value);
    else for (const [inner, text] of flatten(value, `${prefix}${key}.`)) all.set(inner, text);
  }
  return all;
}

const placeholders = (text: string): readonly string[] =>
  [...text.matchAll(/\{\{(\w+)\}\}/gu)].map((match) => match[1] ?? '').sort();

describe('texts', () => {
  const english = flatten(en);
  const japanese = flatten(ja);

  it('have the same keys in both languages', () => {
    expect([...japanese.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it('have the same placeholders in both languages', () => {
    for (const [key, text] of english) {
      expect(placeholders(japanese.get(key) ?? ''), key).toEqual(placeholders(text));
    }
  });

  it('are nowhere empty', () => {
    for (const [key, text] of [...english, ...japanese]) expect(text.trim(), key).not.toBe('');
  });

  it('are Japanese in Japanese, but for names and numbers', () => {
    const same = [...english].filter(([key, text]) => japanese.get(key) === text).map(([key]) => key);
    expect(same.sort()).toEqual(['device.numbered', 'room.page', 'shortcuts.escape']);
  });
});

describe('chooseLanguage', () => {
  it.each([
    [undefined, ['ja-JP', 'en'], 'ja'],
    [undefined, ['de-DE', 'ja'], 'ja'],
    [undefined, ['de', 'fr'], 'en'],
    [undefined, [], 'en'],
    ['en', ['ja'], 'en'],
    ['xx', ['ja'], 'ja'],
  ] as const)('of %j and %j is %s', (chosen, preferred, want) => {
    expect(chooseLanguage(chosen, preferred)).toBe(want);
  });
});
