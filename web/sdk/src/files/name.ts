/** What the protocol allows for a file's name. */
const MAX_BYTES = 255;

/** Control characters, and those that make text run backwards: "exe.gpj" must not look like something else. */
const HIDDEN = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A file's name without a path and hidden characters, short enough for the wire, its extension kept. */
export function shortName(name: string): string {
  const base = name.split(/[/\\]/).at(-1)?.replace(HIDDEN, '').trim() ?? '';
  if (/^[. ]*$/.test(base)) {
    return 'file';
  }
  const dot = base.lastIndexOf('.');
  const extension = dot > 0 && base.length - dot <= 16 ? base.slice(dot) : '';
  const stem = Array.from(base.slice(0, base.length - extension.length));
  while (bytesOf(stem.join('') + extension) > MAX_BYTES) {
    stem.pop();
  }
  return stem.join('') + extension;
}

/** A MIME type as the protocol takes it: printable ASCII of modest length, or nothing. */
export function plainMime(mime: string): string {
  return /^[\x20-\x7e]{0,127}$/.test(mime) ? mime : '';
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
