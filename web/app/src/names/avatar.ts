const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function firstGrapheme(word: string): string {
  for (const { segment } of graphemes.segment(word)) return segment;
  return '';
}

/** Letters whose writing has capitals; names in them are shortened to two letters, others to one sign. */
const hasCapitals = /[\p{Lu}\p{Ll}]/u;

/**
 * The letters shown in place of a picture: the first of the first and of the last word where letters have capitals
 * (`Ada Lovelace` -> `AL`), else the first sign alone (`山田 太郎` -> `山`), as one would write it by hand.
 */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s_\-.・]+/u)
    .filter((word) => word !== '');
  const first = firstGrapheme(words[0] ?? '');
  if (first === '') return '?';
  if (!hasCapitals.test(first)) return first;
  const last = words.length > 1 ? firstGrapheme(words[words.length - 1] ?? '') : '';
  return (first + (hasCapitals.test(last) ? last : '')).toUpperCase();
}

/**
 * A hue in degrees that belongs to the name, the same on every screen (FNV-1a over its UTF-16 code units). The style
 * sheet makes a colour of it whose lightness is fixed, so that white letters on it are always readable.
 */
export function nameHue(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  // The low bits of FNV mix badly for short names; fold the high ones in.
  return ((hash ^ (hash >>> 15)) >>> 0) % 360;
}
