import { useEffect } from 'react';
import type { RoomClient } from '../call/roomClient.ts';
import { type TileItem, viewOf } from '../call/tiles.ts';
import type { Placed } from '../layout/arrange.ts';

/** Nobody looks at a page that has been hidden for so long: pictures stop, sound goes on. */
const hiddenMs = 10_000;

/** Tells the server which pictures are shown and how large, so that nothing else is sent. */
export function useView(room: RoomClient, placed: readonly Placed[], tiles: ReadonlyMap<string, TileItem>): void {
  useEffect(() => {
    const show = (): void => {
      room.setView(viewOf(placed, [...tiles.values()], room.self?.id, window.devicePixelRatio));
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const update = (): void => {
      clearTimeout(timer);
      if (document.visibilityState === 'visible') show();
      else
        timer = setTimeout(() => {
          room.setView([]);
        }, hiddenMs);
    };
    update();
    document.addEventListener('visibilitychange', update);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', update);
    };
  }, [room, placed, tiles]);
}
