import type { Participant, ParticipantId, Source, Tile, VideoSource } from '@hiroba/sdk';
import type { Placed } from '../layout/arrange.ts';

/** One tile of the floor: somebody's camera, or a screen that is shared. */
export interface TileItem {
  readonly key: string;
  readonly participant: Participant;
  readonly source: VideoSource;
}

/** One and the same tile for one and the same participant, so that only those are drawn anew who changed. */
const made = { camera: new WeakMap<Participant, TileItem>(), screen: new WeakMap<Participant, TileItem>() };

function item(participant: Participant, source: VideoSource): TileItem {
  const before = made[source].get(participant);
  if (before !== undefined) return before;
  const tile = { key: `${participant.id}/${source}`, participant, source };
  made[source].set(participant, tile);
  return tile;
}

/** The key of the same tile when people have other IDs; undefined when they are gone. */
export function movedKey(key: string | undefined, ids: ReadonlyMap<ParticipantId, ParticipantId>): string | undefined {
  const cut = key?.lastIndexOf('/') ?? -1;
  const id = key === undefined ? undefined : ids.get(key.slice(0, cut));
  return key === undefined || id === undefined ? undefined : `${id}${key.slice(cut)}`;
}

/** Whether the participant sends this now. */
export const sends = (participant: Participant, source: Source): boolean =>
  participant.tracks.some((track) => track.source === source && !track.muted);

/** The tiles of others: shared screens first, then everybody in the order of joining. */
export function othersTiles(others: readonly Participant[]): readonly TileItem[] {
  const screens = others.filter((participant) => sends(participant, 'screen'));
  return [...screens.map((one) => item(one, 'screen')), ...others.map((one) => item(one, 'camera'))];
}

export const cameraTile = (self: Participant): TileItem => item(self, 'camera');

/** Where one's own picture is shown. */
export type SelfView = 'auto' | 'grid' | 'float' | 'hidden';

export const isSelfView = (value: string | undefined): value is SelfView =>
  value === 'auto' || value === 'grid' || value === 'float' || value === 'hidden';

/**
 * Alone or with one other, one's own picture floats, so that the other is as large as can be. Beside something in front
 * there is a strip, where it covers nothing.
 */
export const resolveSelfView = (choice: SelfView, others: number, hasStage: boolean): Exclude<SelfView, 'auto'> =>
  choice !== 'auto' ? choice : others <= 1 && !hasStage ? 'float' : 'grid';

/**
 * The tile in front: the pinned one while it is there, else the screen whose sharing began last. `screens` are the keys
 * of others' shared screens, the last one last.
 */
export function stageKey(
  pinned: string | undefined,
  tiles: readonly TileItem[],
  screens: readonly string[],
): string | undefined {
  const there = (key: string | undefined): boolean => tiles.some((tile) => tile.key === key);
  if (there(pinned)) return pinned;
  return screens.findLast(there);
}

/** Keeps the order in which screens were first seen. */
export function screenOrder(before: readonly string[], now: readonly TileItem[]): readonly string[] {
  const screens = now.filter((tile) => tile.source === 'screen').map((tile) => tile.key);
  const kept = before.filter((key) => screens.includes(key));
  const added = screens.filter((key) => !kept.includes(key));
  return added.length === 0 && kept.length === before.length ? before : [...kept, ...added];
}

/** What the server is told about the pictures shown: only others', each in the size it has on the glass. */
export function viewOf(
  placed: readonly Placed[],
  tiles: readonly TileItem[],
  selfId: ParticipantId | undefined,
  devicePixelRatio: number,
): readonly Tile[] {
  return placed.flatMap(({ key, role, box }) => {
    const tile = tiles.find((other) => other.key === key);
    if (tile === undefined || tile.participant.id === selfId) return [];
    const view = {
      participant: tile.participant.id,
      source: tile.source,
      width: Math.round(box.width * devicePixelRatio),
      height: Math.round(box.height * devicePixelRatio),
    };
    return [role === 'stage' ? { ...view, pinned: true } : view];
  });
}
