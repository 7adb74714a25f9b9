import { describe, expect, it } from 'vitest';
import { findLinks } from './links.ts';

const links = (text: string): readonly string[] =>
  findLinks(text).flatMap((piece) => (piece.kind === 'link' ? [piece.text] : []));

describe('findLinks', () => {
  it.each([
    ['see https://example.org/a?b=c#d.', ['https://example.org/a?b=c#d']],
    ['(http://example.org)', ['http://example.org']],
    ['https://example.org/Square_(place), yes', ['https://example.org/Square_(place)']],
    ['資料は https://example.org/資料 です', ['https://example.org/資料']],
    ['「https://example.org/a」を見て。', ['https://example.org/a']],
    ['two: https://a.example https://b.example!', ['https://a.example', 'https://b.example']],
    ['javascript:alert(1) ftp://x data:text/html,x', []],
    ['https://', []],
    ['plain', []],
  ])('in %j', (text, want) => {
    expect(links(text)).toEqual(want);
  });

  it('loses nothing of the text', () => {
    for (const text of [
      'a https://b.example/c) d',
      'https://x.example',
      '',
      ' ',
      'http:// https://',
      '…https://ü.example…',
    ]) {
      expect(
        findLinks(text)
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text);
    }
  });
});
