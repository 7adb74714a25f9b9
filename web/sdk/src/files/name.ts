/** What the protocol allows for a file's name. */
const MAX_BYTES = 255;

/** A file's name without a path and control characters, short enough for the wire, its extension kept. */
export function shortName(name: string): string {
  const base =
    name
      .split(/[/\\]/)
      .at(-1)
      // eslint-disable-next-line no-control-regex -- these are what is looked for
      ?.replace(/[\u0000-\u001f\u007f]/g, '')
      .trim() ?? '';
  if (base === '' || base === '.' || base === '..') {
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

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
