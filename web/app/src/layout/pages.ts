/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Counts from 0; the page asked for, or the nearest there is. */
  readonly page: number;
  /** At least 1. */
  readonly pages: number;
}

/**
 * Cuts a list into pages. `own` is shown at the end of the first page only: oneself does not take a place on every
 * page, and does not move when others come and go.
 */
export function paginate<T>(others: readonly T[], own: T | undefined, capacity: number, wanted: number): Page<T> {
  const size = Math.max(1, Math.floor(capacity));
  const ownPlaces = own === undefined ? 0 : 1;
  // A page of one place is all oneself's; then the others begin on the second.
  const firstPlaces = size - ownPlaces;
  const pages = others.length <= firstPlaces ? 1 : 1 + Math.ceil((others.length - firstPlaces) / size);
  const page = Math.min(Math.max(0, Math.floor(wanted)), pages - 1);
  if (page === 0) return { items: [...others.slice(0, firstPlaces), ...(own === undefined ? [] : [own])], page, pages };
  const start = firstPlaces + (page - 1) * size;
  return { items: others.slice(start, start + size), page, pages };
}
