import { type RefObject, useEffect, useRef } from 'react';
import { watchLevel } from './level.ts';

/** Keeps the custom property `--level` (0 to 1) of an element at the loudness of a track, without rendering. */
export function useLevel<E extends HTMLElement>(track: MediaStreamTrack | undefined): RefObject<E | null> {
  const element = useRef<E>(null);
  useEffect(() => {
    if (track === undefined || track.readyState === 'ended') return undefined;
    const stop = watchLevel(track, (level) => {
      element.current?.style.setProperty('--level', level.toFixed(2));
    });
    return () => {
      stop();
      // eslint-disable-next-line react-hooks/exhaustive-deps -- the element that is there now is the one to quieten
      element.current?.style.setProperty('--level', '0');
    };
  }, [track]);
  return element;
}
