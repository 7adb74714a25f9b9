import type { Report, ReportPath } from './protocol.ts';

/** How often the server is told how the call goes. */
const INTERVAL_MS = 10_000;
/** The server's bounds of what one report may say; see PROTOCOL.md. */
const MAX_COUNT = 1_000_000;
const MAX_FREEZE_MS = 64 * 3_600_000;
const MAX_FIRST_FRAME_MS = 600_000;
const MAX_AGO_MS = 60_000;
const MAX_RTT_MS = 60_000;

/** What a `Reporter` needs of its owner. */
export interface ReporterOwner {
  /** False when it cannot be sent now. */
  send(report: Report): boolean;
  /** The numbers of the present RTCPeerConnection; undefined when there is none. */
  getStats(): Promise<ReadonlyMap<string, unknown>> | undefined;
}

interface Totals {
  readonly freezes: number;
  readonly freezeMs: number;
  readonly framesDropped: number;
}

const NOTHING: Totals = { freezes: 0, freezeMs: 0, framesDropped: 0 };

/**
 * Tells the server's operator what only this side can know: when the first picture came, and whether pictures stand
 * still. Counts of `getStats` are totals; a report has what was added since the last one that went out.
 */
export class Reporter {
  readonly #owner: ReporterOwner;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Totals by inbound stream, as last reported and as last read. */
  #reported = NOTHING;
  #read = NOTHING;
  #path: ReportPath | undefined;
  #shown: { readonly tookMs: number; readonly atMs: number } | undefined;

  constructor(owner: ReporterOwner) {
    this.#owner = owner;
  }

  /** A new RTCPeerConnection, whose totals begin at zero. */
  start(): void {
    this.stop();
    this.#timer = setInterval(() => void this.report(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#reported = this.#read = NOTHING;
    this.#path = this.#shown = undefined;
  }

  /** The first picture of somebody else is shown, so long after the wish to join. */
  shown(tookMs: number): void {
    this.#shown = { tookMs, atMs: performance.now() };
    void this.report();
  }

  /** Reads the numbers and reports. */
  async report(): Promise<void> {
    const timer = this.#timer;
    try {
      const stats = await this.#owner.getStats();
      if (stats && timer === this.#timer) {
        this.#take(stats);
      }
    } catch {
      return; // the connection is being replaced
    }
    if (timer !== undefined && timer === this.#timer) {
      this.flush();
    }
  }

  /** Reports what was read last, at once: reading takes a while, which a page that goes away has not got. */
  flush(): void {
    if (this.#timer === undefined) {
      return;
    }
    const now = this.#read;
    const before = this.#reported;
    const shown = this.#shown;
    const report: Report = {
      type: 'report',
      ...(shown && {
        firstFrame: {
          tookMs: whole(shown.tookMs, MAX_FIRST_FRAME_MS),
          agoMs: whole(performance.now() - shown.atMs, MAX_AGO_MS),
        },
      }),
      freezes: whole(now.freezes - before.freezes, MAX_COUNT),
      freezeMs: whole(now.freezeMs - before.freezeMs, MAX_FREEZE_MS),
      framesDropped: whole(now.framesDropped - before.framesDropped, MAX_COUNT),
      ...(this.#path && { path: this.#path }),
    };
    if (this.#owner.send(report)) {
      this.#reported = now;
      this.#shown = undefined;
    }
  }

  #take(stats: ReadonlyMap<string, unknown>): void {
    const all = [...stats.values()] as Readonly<Record<string, unknown>>[];
    const pictures = all.filter((stat) => stat['type'] === 'inbound-rtp' && stat['kind'] === 'video');
    const sum = (name: string): number => pictures.reduce((total, stat) => total + number(stat[name]), 0);
    this.#read = {
      freezes: sum('freezeCount'),
      freezeMs: 1000 * sum('totalFreezesDuration'),
      framesDropped: sum('framesDropped'),
    };
    this.#path = pathOf(stats, all);
  }
}

/** The selected pair of candidates; undefined while there is none. */
function pathOf(
  stats: ReadonlyMap<string, unknown>,
  all: readonly Readonly<Record<string, unknown>>[],
): ReportPath | undefined {
  const byId = (id: unknown): Readonly<Record<string, unknown>> | undefined =>
    typeof id === 'string' ? (stats.get(id) as Readonly<Record<string, unknown>> | undefined) : undefined;
  const transport = all.find((stat) => stat['type'] === 'transport');
  const pair =
    byId(transport?.['selectedCandidatePairId']) ??
    all.find(
      (stat) => stat['type'] === 'candidate-pair' && stat['nominated'] === true && stat['state'] === 'succeeded',
    );
  const local = byId(pair?.['localCandidateId']);
  const candidate = local?.['candidateType'];
  if (candidate !== 'host' && candidate !== 'srflx' && candidate !== 'prflx' && candidate !== 'relay') {
    return undefined;
  }
  const protocol = candidate === 'relay' ? (local?.['relayProtocol'] ?? local?.['protocol']) : local?.['protocol'];
  if (protocol !== 'udp' && protocol !== 'tcp' && protocol !== 'tls') {
    return undefined;
  }
  const rtt = pair?.['currentRoundTripTime'];
  return typeof rtt === 'number'
    ? { candidate, protocol, rttMs: whole(1000 * rtt, MAX_RTT_MS) }
    : { candidate, protocol };
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** A whole number from 0 to `most`: streams may end, and take their totals with them. */
function whole(value: number, most: number): number {
  return Number.isFinite(value) ? Math.min(most, Math.max(0, Math.round(value))) : 0;
}
