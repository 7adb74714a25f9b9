import { describe, expect, it } from 'vitest';
import { parseRoute, roomPath } from './route.ts';

const room = (name: string): object => ({ kind: 'room', room: name, name: undefined, auto: false });

describe('parseRoute', () => {
  it.each([
    ['/', { kind: 'start' }],
    ['/r', { kind: 'start' }],
    ['/check', { kind: 'check' }],
    ['/r/check', room('check')],
    ['/r/', { kind: 'start' }],
    ['/r/a/b', { kind: 'start' }],
    ['/r/%E0%A4%A', { kind: 'start' }],
    ['/elsewhere', { kind: 'start' }],
    ['/r/kano-mibe', room('kano-mibe')],
    ['/r/kano-mibe/', room('kano-mibe')],
    ['/r/%E6%9C%9D%E4%BC%9A', room('朝会')],
    ['/r/a%2Fb', room('a/b')],
  ])('of %s', (path, want) => {
    expect(parseRoute(path, '')).toEqual(want);
  });

  it('reads name and auto', () => {
    expect(parseRoute('/r/x', '?name=%20Aiko%20&auto=1')).toEqual({
      kind: 'room',
      room: 'x',
      name: 'Aiko',
      auto: true,
    });
    expect(parseRoute('/r/x', '?name=&auto=0')).toEqual({ kind: 'room', room: 'x', name: undefined, auto: false });
  });

  it('is the inverse of roomPath', () => {
    for (const name of ['kano-mibe', '朝会', 'a/b', 'a?b#c', '100%', "it's"]) {
      expect(parseRoute(roomPath(name), '')).toEqual(room(name));
    }
  });
});
