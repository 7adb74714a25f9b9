/**
 * Calls `hint` when the network may have changed or the page came back: waiting for a timer would waste seconds.
 * Returns what stops it. Does nothing where there is no page (tests, workers without these events).
 */
export function onWake(hint: () => void): () => void {
  const wake = (): void => {
    if (typeof document === 'undefined' || document.visibilityState === 'visible') {
      hint();
    }
  };
  const listeners: [EventTarget | undefined, string][] = [
    [typeof window === 'undefined' ? undefined : window, 'online'],
    [typeof window === 'undefined' ? undefined : window, 'offline'],
    [typeof window === 'undefined' ? undefined : window, 'pageshow'],
    [typeof document === 'undefined' ? undefined : document, 'visibilitychange'],
    [networkInformation(), 'change'],
  ];
  for (const [target, type] of listeners) {
    target?.addEventListener(type, wake);
  }
  return () => {
    for (const [target, type] of listeners) {
      target?.removeEventListener(type, wake);
    }
  };
}

/** Chromium tells when the device moves to another network. */
function networkInformation(): EventTarget | undefined {
  if (typeof navigator === 'undefined' || !('connection' in navigator)) {
    return undefined;
  }
  return navigator.connection instanceof EventTarget ? navigator.connection : undefined;
}
