import { useCallback, useSyncExternalStore } from 'react';
import type { RoomClient } from './roomClient.ts';

/** The values of a room that are replaced, never changed, and have an event of the same name. */
type Value = 'state' | 'participants' | 'media' | 'chat' | 'files';

/** Renders again when this one value of the room is replaced. */
export function useRoom<K extends Value>(room: RoomClient, value: K): RoomClient[K] {
  const subscribe = useCallback((changed: () => void) => room.on(value, changed), [room, value]);
  return useSyncExternalStore(subscribe, () => room[value]);
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
