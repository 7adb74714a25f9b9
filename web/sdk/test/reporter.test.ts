import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Report } from '../src/protocol.ts';
import { Reporter } from '../src/reporter.ts';

/** What a browser counts. */
let counted = { freezes: 0, seconds: 0, dropped: 0 };
let local: Record<string, unknown> = {};

function stats(): Map<string, unknown> {
  const { freezes, seconds, dropped } = counted;
  return new Map<string, unknown>([
    ['v', { type: 'inbound-rtp', kind: 'video', freezeCount: freezes, totalFreezesDuration: seconds }],
    ['w', { type: 'inbound-rtp', kind: 'video', framesDropped: dropped }], // an older browser, without freezes
    ['a', { type: 'inbound-rtp', kind: 'audio', freezeCount: 100 }],
    ['t', { type: 'transport', selectedCandidatePairId: 'p' }],
    ['p', { type: 'candidate-pair', localCandidateId: 'l', currentRoundTripTime: 0.0254 }],
    ['l', local],
  ]);
}

const idle = { type: 'report', freezes: 0, freezeMs: 0, framesDropped: 0 };

describe('Reporter', () => {
  let sent: Report[] = [];
  let open = true;
  let reporter: Reporter;

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    open = true;
    counted = { freezes: 0, seconds: 0, dropped: 0 };
    local = { candidateType: 'host', protocol: 'udp' };
    reporter = new Reporter({
      send: (report) => {
        if (open) {
          sent.push(report);
        }
        return open;
      },
      getStats: () => Promise.resolve(stats()),
    });
    reporter.start();
  });
  afterEach(() => {
    reporter.stop();
    vi.useRealTimers();
  });

  const path = { candidate: 'host', protocol: 'udp', rttMs: 25 };

  it('tells every ten seconds what was added', async () => {
    counted = { freezes: 2, seconds: 0.6, dropped: 5 };
    await vi.advanceTimersByTimeAsync(10_000);
    counted = { freezes: 3, seconds: 1, dropped: 5 };
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toEqual([
      { type: 'report', freezes: 2, freezeMs: 600, framesDropped: 5, path },
      { type: 'report', freezes: 1, freezeMs: 400, framesDropped: 0, path },
    ]);
  });

  it('tells of the first picture at once, and once', async () => {
    reporter.shown(734.4);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toEqual([
      { ...idle, firstFrame: { tookMs: 734, agoMs: 0 }, path },
      { ...idle, path },
    ]);
  });

  it('keeps what could not be sent', async () => {
    open = false;
    counted = { freezes: 1, seconds: 2, dropped: 0 };
    reporter.shown(500);
    await vi.advanceTimersByTimeAsync(10_000);
    open = true;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent).toEqual([{ ...idle, freezes: 1, freezeMs: 2000, firstFrame: { tookMs: 500, agoMs: 20_000 }, path }]);
  });

  it('says what it knows when the page goes away, without waiting', async () => {
    counted = { freezes: 1, seconds: 1, dropped: 1 };
    await vi.advanceTimersByTimeAsync(10_000);
    reporter.flush();
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual({ ...idle, path });
  });

  it('never goes below zero when a stream ends, and starts anew with a new connection', async () => {
    counted = { freezes: 4, seconds: 4, dropped: 4 };
    await vi.advanceTimersByTimeAsync(10_000);
    counted = { freezes: 1, seconds: 1, dropped: 1 };
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent[1]).toEqual({ ...idle, path });
    reporter.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sent[2]).toEqual({ ...idle, freezes: 1, freezeMs: 1000, framesDropped: 1, path });
  });

  it.each([
    [
      { candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls' },
      { ...path, candidate: 'relay', protocol: 'tls' },
    ],
    [
      { candidateType: 'prflx', protocol: 'tcp' },
      { ...path, candidate: 'prflx', protocol: 'tcp' },
    ],
    [{ candidateType: 'wormhole', protocol: 'udp' }, undefined],
    [{ candidateType: 'host' }, undefined],
  ])('names the path of %o', async (candidate, expected) => {
    local = candidate;
    await reporter.report();
    expect(sent[0]?.path).toEqual(expected);
  });

  it('is silent without a connection', async () => {
    reporter.stop();
    reporter.flush();
    await reporter.report();
    expect(sent).toEqual([]);
  });
});
