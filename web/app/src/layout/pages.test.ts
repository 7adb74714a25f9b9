import { describe, expect, it } from 'vitest';
import { paginate } from './pages.ts';

const people = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `p${i}`);

describe('paginate', () => {
  it('needs one page while everybody fits', () => {
    expect(paginate(people(3), 'me', 4, 0)).toEqual({ items: ['p0', 'p1', 'p2', 'me'], page: 0, pages: 1 });
  });

  it('shows oneself on the first page only', () => {
    expect(paginate(people(5), 'me', 4, 0)).toEqual({ items: ['p0', 'p1', 'p2', 'me'], page: 0, pages: 2 });
    expect(paginate(people(5), 'me', 4, 1)).toEqual({ items: ['p3', 'p4'], page: 1, pages: 2 });
  });

  it('falls back to the nearest page when people left', () => {
    expect(paginate(people(5), undefined, 4, 7).page).toBe(1);
    expect(paginate(people(2), undefined, 4, 1)).toEqual({ items: ['p0', 'p1'], page: 0, pages: 1 });
    expect(paginate(people(2), undefined, 4, -1).page).toBe(0);
  });

  it('shows everybody exactly once over all pages', () => {
    for (let count = 0; count <= 40; count++) {
      for (let capacity = 1; capacity <= 16; capacity++) {
        for (const own of ['me', undefined]) {
          const { pages } = paginate(people(count), own, capacity, 0);
          const all = Array.from({ length: pages }, (_, page) => paginate(people(count), own, capacity, page).items);
          expect(all.flat().sort()).toEqual([...people(count), ...(own === undefined ? [] : [own])].sort());
          expect(all.every((items) => items.length <= capacity)).toBe(true);
          expect(all.slice(1).every((items) => items.length > 0)).toBe(true);
        }
      }
    }
  });

  it('has one empty page for an empty room', () => {
    expect(paginate([], undefined, 4, 0)).toEqual({ items: [], page: 0, pages: 1 });
  });
});
