import { useMemo, useSyncExternalStore } from 'react';
import type { RoomClient } from './roomClient.ts';

/** The values of a room that are replaced, never changed, and have an event of the same name. */
type Value = 'state' | 'participants' | 'media' | 'chat' | 'files' | 'moving';

/**
 * Renders again when this one value of the room is replaced. What the room hands out may be another object of the same
 * content each time it is asked, so it is asked once, and its events are believed from then on.
 */
export function useRoom<K extends Value>(room: RoomClient, value: K): RoomClient[K] {
  const { subscribe, read } = useMemo(() => watch(room, value), [room, value]);
  return useSyncExternalStore(subscribe, read);
}

interface Watched<V> {
  readonly subscribe: (changed: () => void) => () => void;
  readonly read: () => V;
}

function watch<K extends Value>(room: RoomClient, value: K): Watched<RoomClient[K]> {
  let current = room[value];
  return {
    subscribe: (changed) => {
      current = room[value]; // it may have changed since it was drawn first
      return room.on(value, () => {
        current = room[value];
        changed();
      });
    },
    read: () => current,
  };
}

/** Something with a state that is replaced, never changed. */
export interface Store<S> {
  readonly state: S;
  readonly subscribe: (listener: () => void) => () => void;
}

/** Renders again when the state of the store is replaced. */
export function useStore<S>(store: Store<S>): S {
  return useSyncExternalStore(store.subscribe, () => store.state);
}
