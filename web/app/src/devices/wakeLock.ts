/** Keeps the screen awake until the returned function is called, where the browser can. */
export function keepAwake(): () => void {
  const abort = new AbortController();
  let lock: WakeLockSentinel | undefined;
  const acquire = async (): Promise<void> => {
    if (!('wakeLock' in navigator) || document.visibilityState === 'hidden') return;
    try {
      lock = await navigator.wakeLock.request('screen');
      if (abort.signal.aborted) await lock.release();
    } catch {
      // Low battery, or not allowed: the screen then goes dark as usual.
    }
  };
  // The lock ends when the page is hidden.
  document.addEventListener('visibilitychange', () => void acquire(), { signal: abort.signal });
  void acquire();
  return () => {
    abort.abort();
    void lock?.release().catch(() => undefined);
  };
}
