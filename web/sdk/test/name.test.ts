import { describe, expect, it } from 'vitest';
import { plainMime, shortName } from '../src/files/name.ts';

describe('shortName', () => {
  it.each([
    ['picture.png', 'picture.png'],
    ['/home/ada/notes.txt', 'notes.txt'],
    ['C:\\Users\\Ada\\notes.txt', 'notes.txt'],
    ['会議 資料.pdf', '会議 資料.pdf'],
    ['two\nlines\u0000.txt', 'twolines.txt'],
    ['harmless\u202Egpj.exe', 'harmlessgpj.exe'],
    ['', 'file'],
    [' .. ', 'file'],
    ['trailing/', 'file'],
    ['.profile', '.profile'],
  ])('makes of %j %j', (name, short) => {
    expect(shortName(name)).toBe(short);
  });

  it('cuts at 255 bytes, between characters, and keeps the extension', () => {
    const short = shortName(`${'名'.repeat(200)}.tar`);
    expect(new TextEncoder().encode(short).byteLength).toBeLessThanOrEqual(255);
    expect(short).toMatch(/^名+\.tar$/);
    expect(shortName('👍'.repeat(100))).toMatch(/^👍+$/u);
  });
});

describe('plainMime', () => {
  it('lets through what the protocol takes', () => {
    expect(plainMime('image/png')).toBe('image/png');
    expect(plainMime('')).toBe('');
    expect(plainMime('text/plain; name=é')).toBe('');
    expect(plainMime('x'.repeat(128))).toBe('');
  });
});
