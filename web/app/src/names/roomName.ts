/** Picks a whole number from 0 (included) to `below` (excluded). */
export type Pick = (below: number) => number;

const consonants = 'bdghjkmnrstyz';
const vowels = 'aeiou';
const syllablesPerPart = 2;
const parts = 3;

/**
 * Makes a room name that can be said over the telephone, such as `kano-mibe-soru`: whoever hears it can type it.
 * Its six syllables of 65 make 7.5e10 names (36 bits), so that rooms are not found by guessing.
 */
export function generateRoomName(pick: Pick = randomPick): string {
  const syllable = (): string => consonants.charAt(pick(consonants.length)) + vowels.charAt(pick(vowels.length));
  const part = (): string => Array.from({ length: syllablesPerPart }, syllable).join('');
  return Array.from({ length: parts }, part).join('-');
}

/** Makes a name for somebody who gave none, such as `Guest Kano`. */
export function generateGuestName(guest: string, pick: Pick = randomPick): string {
  const [part = ''] = generateRoomName(pick).split('-');
  return `${guest} ${part.charAt(0).toUpperCase()}${part.slice(1)}`;
}

/** What somebody typed, as a room name: no blanks at the ends, and dashes for those inside, since it becomes a link. */
export function cleanRoomName(typed: string): string {
  return typed.trim().replace(/\s+/gu, '-');
}

/** Even, and not guessable: numbers of the last, incomplete round of 2^32 are drawn again. */
function randomPick(below: number): number {
  const limit = Math.floor(2 ** 32 / below) * below;
  const draw = new Uint32Array(1);
  for (;;) {
    const [value = 0] = crypto.getRandomValues(draw);
    if (value < limit) return value % below;
  }
}
