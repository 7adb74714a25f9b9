import { describe, expect, it } from 'vitest';
import { parseRooms, withRoom } from './recentRooms.ts';

describe('withRoom', () => {
  it('puts the last room first, once', () => {
    expect(withRoom(['a', 'b', 'c'], 'b')).toEqual(['b', 'a', 'c']);
  });

  it('forgets the oldest of more than six', () => {
    expect(withRoom(['1', '2', '3', '4', '5', '6'], '7')).toEqual(['7', '1', '2', '3', '4', '5']);
  });
});

describe('parseRooms', () => {
  it.each([undefined, '', '{', '{}', 'null', '3'])('takes %j as nothing', (stored) => {
    expect(parseRooms(stored)).toEqual([]);
  });

  it('keeps what is a name', () => {
    expect(parseRooms('["a", 3, null, "", "b"]')).toEqual(['a', 'b']);
  });
});
