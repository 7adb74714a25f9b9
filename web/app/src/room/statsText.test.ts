import type { RoomStats } from '@hiroba/sdk';
import { describe, expect, it } from 'vitest';
import { bitrateText, statsRows, statsText } from './statsText.ts';

const stats: RoomStats = {
  atMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  connection: {
    rttMs: 23.4,
    localCandidateType: 'host',
    protocol: 'udp',
    availableOutgoingBitrate: 2_500_000,
    bitsPerSecondReceived: 0,
    bitsPerSecondSent: 0,
  },
  tracks: [
    {
      participant: 'me',
      source: 'camera',
      direction: 'send',
      bitsPerSecond: 150_000,
      rid: 'q',
      qualityLimitationReason: 'bandwidth',
    },
    {
      participant: 'a',
      source: 'camera',
      direction: 'receive',
      bitsPerSecond: 1_234_567,
      codec: 'video/VP8',
      width: 640,
      height: 360,
      framesPerSecond: 29.97,
      packetsLost: 3,
      freezeCount: 0,
      jitterBufferMs: 41.6,
    },
  ],
};
const people = [
  { id: 'a', name: 'Aiko' },
  { id: 'me', name: 'Ben' },
];

describe('statsRows', () => {
  it('puts what is received first, in words', () => {
    expect(statsRows(stats, people)[0]).toEqual({
      key: 'receive/a/camera/',
      direction: 'receive',
      who: 'Aiko',
      what: 'camera',
      picture: '640×360 @ 30',
      codec: 'VP8',
      bitrate: '1.23 Mbit/s',
      lost: '3',
      freezes: '0',
      buffer: '42 ms',
    });
  });

  it('names the layer that is sent and what limits it', () => {
    expect(statsRows(stats, people)[1]).toMatchObject({
      who: 'Ben',
      what: 'camera q',
      picture: '– (bandwidth)',
      bitrate: '150 kbit/s',
    });
  });

  it('has a different key for every row', () => {
    const keys = statsRows(stats, people).map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('statsText', () => {
  it('has everything in it', () => {
    const text = statsText(stats, statsRows(stats, people), { joinMs: 400 });
    for (const part of [
      '2026-01-02T03:04:05',
      'roundTrip: 23 ms',
      'route: host · UDP',
      'uplink: 2.50 Mbit/s',
      'joinMs: 400',
      'Aiko',
    ]) {
      expect(text).toContain(part);
    }
  });
});

describe('bitrateText', () => {
  it.each([
    [0, '0 kbit/s'],
    [999_499, '999 kbit/s'],
    [1_000_000, '1.00 Mbit/s'],
  ])('of %i is %s', (bitsPerSecond, want) => {
    expect(bitrateText(bitsPerSecond)).toBe(want);
  });
});
