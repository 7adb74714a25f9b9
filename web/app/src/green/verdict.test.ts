import type { WayResult } from '@hiroba/sdk';
import { expect, test } from 'vitest';
import { verdict } from './verdict.ts';

const works: WayResult = { kind: 'works', rttMs: 12 };
const blocked: WayResult = { kind: 'blocked' };
const skipped: WayResult = { kind: 'skipped' };

test('the best way that works decides', () => {
  const all = { udp: works, tcp: works, relay: works };
  expect(verdict({ webSocket: true, ways: all })).toEqual({ kind: 'udpTimed', level: 'good', ms: 12 });
  expect(verdict({ webSocket: true, ways: { ...all, udp: { kind: 'works', rttMs: undefined } } }).kind).toBe('udp');
  expect(verdict({ webSocket: true, ways: { ...all, udp: blocked } }).kind).toBe('tcp');
  expect(verdict({ webSocket: true, ways: { udp: blocked, tcp: skipped, relay: works } }).kind).toBe('relay');
  expect(verdict({ webSocket: true, ways: { udp: blocked, tcp: blocked, relay: skipped } }).level).toBe('bad');
  expect(verdict({ webSocket: false, ways: all }).kind).toBe('noWebSocket');
});
