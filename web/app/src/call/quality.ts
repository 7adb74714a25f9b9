import type { ParticipantId, RoomStats } from '@hiroba/sdk';

/** How well somebody's picture gets through to this page. */
export type Quality = 'good' | 'fair' | 'poor';

const rank = { good: 0, fair: 1, poor: 2 } as const;
const worse = (a: Quality, b: Quality): Quality => (rank[a] >= rank[b] ? a : b);

/**
 * Judges every camera that is received, from two readings. A freeze is what people see, so it alone is `poor`; losses
 * that were repaired and a long way cost sharpness at most.
 */
export function judge(before: RoomStats, now: RoomStats): ReadonlyMap<ParticipantId, Quality> {
  const seconds = Math.max((now.atMs - before.atMs) / 1000, 0.1);
  const far = (now.connection.rttMs ?? 0) > 400;
  const result = new Map<ParticipantId, Quality>();
  for (const track of now.tracks) {
    if (track.direction !== 'receive' || track.source !== 'camera' || track.bitsPerSecond === 0) continue;
    const past = before.tracks.find(
      (other) => other.direction === 'receive' && other.source === 'camera' && other.participant === track.participant,
    );
    const freezes = (track.freezeCount ?? 0) - (past?.freezeCount ?? track.freezeCount ?? 0);
    const lost = ((track.packetsLost ?? 0) - (past?.packetsLost ?? track.packetsLost ?? 0)) / seconds;
    result.set(track.participant, freezes > 0 ? 'poor' : lost > 8 || far ? 'fair' : 'good');
  }
  return result;
}

/**
 * Keeps a mark from flickering: somebody is shown as badly connected as in the worst of the last three readings.
 * `history` has the last one first.
 */
export function steady(history: readonly ReadonlyMap<ParticipantId, Quality>[]): ReadonlyMap<ParticipantId, Quality> {
  const result = new Map<ParticipantId, Quality>();
  const [last] = history;
  for (const [participant, quality] of last ?? []) {
    const worst = history.slice(0, 3).reduce((all, one) => worse(all, one.get(participant) ?? 'good'), quality);
    result.set(participant, worst);
  }
  return result;
}
