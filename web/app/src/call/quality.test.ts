import type { RoomStats, TrackStats } from '@hiroba/sdk';
import { describe, expect, it } from 'vitest';
import { judge, steady } from './quality.ts';

const camera = (change: Partial<TrackStats>): TrackStats => ({
  participant: 'a',
  source: 'camera',
  direction: 'receive',
  bitsPerSecond: 500_000,
  packetsLost: 0,
  freezeCount: 0,
  ...change,
});
const stats = (atMs: number, tracks: readonly TrackStats[], rttMs = 20): RoomStats => ({
  atMs,
  connection: { rttMs, bitsPerSecondReceived: 0, bitsPerSecondSent: 0 },
  tracks,
});

describe('judge', () => {
  it.each([
    ['nothing happened', {}, 20, 'good'],
    ['a freeze', { freezeCount: 1 }, 20, 'poor'],
    ['few losses', { packetsLost: 10 }, 20, 'good'],
    ['many losses', { packetsLost: 40 }, 20, 'fair'],
    ['a long way', {}, 500, 'fair'],
  ] as const)('after %s', (_what, change, rttMs, want) => {
    expect(judge(stats(0, [camera({})]), stats(2000, [camera(change)], rttMs)).get('a')).toBe(want);
  });

  it('does not blame somebody who just came for what was before', () => {
    expect(judge(stats(0, []), stats(2000, [camera({ freezeCount: 7, packetsLost: 900 })])).get('a')).toBe('good');
  });

  it('says nothing about who sends nothing, and about oneself', () => {
    const silent = [camera({ bitsPerSecond: 0 }), camera({ participant: 'me', direction: 'send' })];
    expect(judge(stats(0, silent), stats(2000, silent)).size).toBe(0);
  });
});

describe('steady', () => {
  it('shows the worst of the last three readings', () => {
    const good = new Map([['a', 'good' as const]]);
    const poor = new Map([['a', 'poor' as const]]);
    expect(steady([good, good, poor]).get('a')).toBe('poor');
    expect(steady([good, good, good, poor]).get('a')).toBe('good');
    expect(steady([poor]).get('a')).toBe('poor');
    expect(steady([]).size).toBe(0);
  });
});
