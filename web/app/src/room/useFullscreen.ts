import { useCallback, useSyncExternalStore } from 'react';

function subscribe(listener: () => void): () => void {
  document.addEventListener('fullscreenchange', listener);
  return () => {
    document.removeEventListener('fullscreenchange', listener);
  };
}

export interface Fullscreen {
  readonly isOn: boolean;
  /** An iPhone has none. */
  readonly isPossible: boolean;
  readonly toggle: () => void;
}

/** Whether the app fills the screen, and the way in and out. */
export function useFullscreen(): Fullscreen {
  const isOn = useSyncExternalStore(subscribe, () => document.fullscreenElement !== null);
  const toggle = useCallback(() => {
    const change =
      document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
    // Refused when the key was not pressed by a person: nothing is lost.
    change.catch(() => undefined);
  }, []);
  return { isOn, isPossible: document.fullscreenEnabled, toggle };
}
