import { describe, expect, it } from 'vitest';
import { StatsReader } from '../src/stats.ts';

const report = (atMs: number, bytes: number): Map<string, unknown> =>
  new Map<string, unknown>(
    [
      {
        id: 'in',
        type: 'inbound-rtp',
        mid: '3',
        timestamp: atMs,
        bytesReceived: bytes,
        codecId: 'vp8',
        frameWidth: 640,
        frameHeight: 360,
        framesPerSecond: 30,
        packetsLost: 2,
        freezeCount: 1,
        jitterBufferDelay: bytes / 1000,
        jitterBufferEmittedCount: bytes / 20,
      },
      { id: 'out', type: 'outbound-rtp', mid: '1', timestamp: atMs, bytesSent: 2 * bytes, remoteId: 'remote' },
      { id: 'other', type: 'inbound-rtp', mid: '9', timestamp: atMs, bytesReceived: bytes },
      { id: 'remote', type: 'remote-inbound-rtp', packetsLost: 7 },
      { id: 'vp8', type: 'codec', mimeType: 'video/VP8' },
      { id: 'transport', type: 'transport', selectedCandidatePairId: 'pair' },
      {
        id: 'pair',
        type: 'candidate-pair',
        timestamp: atMs,
        bytesReceived: bytes,
        bytesSent: 2 * bytes,
        currentRoundTripTime: 0.025,
        availableOutgoingBitrate: 3_000_000,
        localCandidateId: 'local',
      },
      { id: 'local', type: 'local-candidate', candidateType: 'host', protocol: 'udp' },
    ].map((stat) => [stat.id, stat]),
  );

const trackOf = (mid: string) =>
  mid === '3'
    ? ({ participant: 'ben', source: 'camera' } as const)
    : mid === '1'
      ? ({ participant: 'ada', source: 'camera' } as const)
      : undefined;

describe('StatsReader', () => {
  it('tells the numbers of known tracks and of the connection', () => {
    const stats = new StatsReader().read(report(1000, 10_000), trackOf, 5);
    expect(stats).toEqual({
      atMs: 5,
      connection: {
        rttMs: 25,
        localCandidateType: 'host',
        protocol: 'udp',
        availableOutgoingBitrate: 3_000_000,
        bitsPerSecondReceived: 0,
        bitsPerSecondSent: 0,
      },
      tracks: [
        {
          participant: 'ben',
          source: 'camera',
          direction: 'receive',
          bitsPerSecond: 0,
          codec: 'vp8',
          width: 640,
          height: 360,
          framesPerSecond: 30,
          packetsLost: 2,
          freezeCount: 1,
          jitterBufferMs: 20,
        },
        { participant: 'ada', source: 'camera', direction: 'send', bitsPerSecond: 0, packetsLost: 7 },
      ],
    });
  });

  it('takes rates from one call to the next', () => {
    const reader = new StatsReader();
    reader.read(report(1000, 10_000), trackOf, 0);
    const { tracks, connection } = reader.read(report(3000, 260_000), trackOf, 0);
    expect(tracks.map(({ bitsPerSecond }) => bitsPerSecond)).toEqual([1_000_000, 2_000_000]);
    expect(connection).toMatchObject({ bitsPerSecondReceived: 1_000_000, bitsPerSecondSent: 2_000_000 });
    const again = reader.read(report(4000, 100), trackOf, 0); // a new stream under the same ID
    expect(again.tracks.map(({ bitsPerSecond }) => bitsPerSecond)).toEqual([0, 0]);
  });

  it('copes with a browser that says little', () => {
    expect(new StatsReader().read(new Map(), trackOf, 0)).toEqual({
      atMs: 0,
      connection: { bitsPerSecondReceived: 0, bitsPerSecondSent: 0 },
      tracks: [],
    });
  });
});
