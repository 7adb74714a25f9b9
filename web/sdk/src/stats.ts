import type { ConnectionStats, ParticipantId, RoomStats, Source, TrackStats } from './types.ts';

/** Whose track an m-line carries. */
export type TrackOfMid = (mid: string) => { readonly participant: ParticipantId; readonly source: Source } | undefined;

/** A member of an RTCStatsReport, its members read with care: browsers differ in what they give. */
type Stat = Readonly<Record<string, unknown>> & { readonly id: string; readonly type: string };

interface Former {
  readonly atMs: number;
  readonly bytes: number;
  readonly jitterDelay: number;
  readonly jitterCount: number;
}

/** Makes sense of RTCPeerConnection.getStats(). Remembers the former totals, since rates are differences. */
export class StatsReader {
  #former = new Map<string, Former>();

  read(report: ReadonlyMap<string, unknown>, trackOf: TrackOfMid, nowMs: number): RoomStats {
    const stats = [...report.values()] as Stat[];
    const byId = new Map(stats.map((stat) => [stat.id, stat]));
    const former = this.#former;
    this.#former = new Map();
    const tracks = stats.flatMap((stat) => {
      const track = this.#track(stat, former.get(stat.id), byId, trackOf);
      return track ? [track] : [];
    });
    return { atMs: nowMs, connection: this.#connection(stats, former, byId), tracks };
  }

  #track(
    stat: Stat,
    former: Former | undefined,
    byId: ReadonlyMap<string, Stat>,
    trackOf: TrackOfMid,
  ): TrackStats | undefined {
    const direction = stat.type === 'inbound-rtp' ? 'receive' : stat.type === 'outbound-rtp' ? 'send' : undefined;
    const mid = text(stat, 'mid');
    const track = mid === undefined ? undefined : trackOf(mid);
    if (!direction || !track) {
      return undefined;
    }
    const now = this.#remember(stat, direction === 'receive' ? 'bytesReceived' : 'bytesSent');
    const codec = text(byId.get(text(stat, 'codecId') ?? ''), 'mimeType');
    const remote = byId.get(text(stat, 'remoteId') ?? '');
    return compact({
      ...track,
      direction,
      bitsPerSecond: rate(now, former),
      codec: codec?.split('/')[1]?.toLowerCase(),
      width: number(stat, 'frameWidth'),
      height: number(stat, 'frameHeight'),
      framesPerSecond: number(stat, 'framesPerSecond'),
      packetsLost: number(direction === 'receive' ? stat : remote, 'packetsLost'),
      freezeCount: number(stat, 'freezeCount'),
      jitterBufferMs: direction === 'receive' ? jitterBufferMs(now, former) : undefined,
      qualityLimitationReason: text(stat, 'qualityLimitationReason'),
      rid: text(stat, 'rid'),
      active: flag(stat, 'active'),
      scalabilityMode: text(stat, 'scalabilityMode'),
    });
  }

  #connection(
    stats: readonly Stat[],
    former: ReadonlyMap<string, Former>,
    byId: ReadonlyMap<string, Stat>,
  ): ConnectionStats {
    const transport = stats.find((stat) => stat.type === 'transport');
    const pair =
      byId.get(text(transport, 'selectedCandidatePairId') ?? '') ??
      stats.find(
        (stat) => stat.type === 'candidate-pair' && stat['nominated'] === true && stat['state'] === 'succeeded',
      );
    const local = byId.get(text(pair, 'localCandidateId') ?? '');
    const rtt = number(pair, 'currentRoundTripTime');
    return compact({
      rttMs: rtt === undefined ? undefined : rtt * 1000,
      localCandidateType: text(local, 'candidateType'),
      protocol: text(local, 'protocol'),
      availableOutgoingBitrate: number(pair, 'availableOutgoingBitrate'),
      bitsPerSecondReceived: pair ? rate(this.#remember(pair, 'bytesReceived', '<'), former.get(`${pair.id}<`)) : 0,
      bitsPerSecondSent: pair ? rate(this.#remember(pair, 'bytesSent', '>'), former.get(`${pair.id}>`)) : 0,
    });
  }

  #remember(stat: Stat, bytes: string, suffix = ''): Former {
    const now = {
      atMs: number(stat, 'timestamp') ?? 0,
      bytes: number(stat, bytes) ?? 0,
      jitterDelay: number(stat, 'jitterBufferDelay') ?? 0,
      jitterCount: number(stat, 'jitterBufferEmittedCount') ?? 0,
    };
    this.#former.set(stat.id + suffix, now);
    return now;
  }
}

function rate(now: Former, former: Former | undefined): number {
  if (!former || now.atMs <= former.atMs || now.bytes < former.bytes) {
    return 0;
  }
  return Math.round(((now.bytes - former.bytes) * 8 * 1000) / (now.atMs - former.atMs));
}

function jitterBufferMs(now: Former, former: Former | undefined): number | undefined {
  const count = now.jitterCount - (former?.jitterCount ?? 0);
  return count > 0 ? ((now.jitterDelay - (former?.jitterDelay ?? 0)) * 1000) / count : undefined;
}

function number(stat: Stat | undefined, name: string): number | undefined {
  const value = stat?.[name];
  return typeof value === 'number' ? value : undefined;
}

function flag(stat: Stat, name: string): boolean | undefined {
  const value = stat[name];
  return typeof value === 'boolean' ? value : undefined;
}

function text(stat: Stat | undefined, name: string): string | undefined {
  const value = stat?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** The members that have a value. */
function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
