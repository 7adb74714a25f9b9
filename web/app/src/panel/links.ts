/** A piece of a text: words, or an address that can be opened. */
export type Piece =
  | { readonly kind: 'words'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string };

// What an address may not end with: it belongs to the sentence around it.
const trailing = /[.,;:!?'"»”’)\]}>。、）」』]+$/u;

/** Finds web addresses in a text. Only http and https: nothing that runs or opens another program. */
export function findLinks(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  const words = (upTo: number): void => {
    if (upTo > end) pieces.push({ kind: 'words', text: text.slice(end, upTo) });
  };
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"「」『』（）、。]+/giu)) {
    let address = match[0];
    // A bracket that was opened inside the address is part of it, as in an encyclopedia's.
    const cut = address.replace(trailing, '');
    address = cut.includes('(') && address.charAt(cut.length) === ')' ? `${cut})` : cut;
    const href = parse(address);
    if (href === undefined) continue;
    words(match.index);
    pieces.push({ kind: 'link', text: address, href });
    end = match.index + address.length;
  }
  words(text.length);
  return pieces;
}

function parse(address: string): string | undefined {
  try {
    const url = new URL(address);
    return url.hostname === '' ? undefined : url.href;
  } catch {
    return undefined;
  }
}
