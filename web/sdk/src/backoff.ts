/** How long to wait before each attempt to reconnect: at once, then quickly, then every two seconds for as long as it takes. */
const DELAYS_MS = [0, 300, 700, 1000, 1500, 2000] as const;

/** Share of the delay that is left to chance, so that the clients of a restarted server do not come all at once. */
const JITTER = 0.2;

/**
 * The delay before attempt number `attempt` (from 1), in milliseconds.
 *
 * @param random A number from 0 up to 1, as `Math.random()` gives.
 */
export function backoffMs(attempt: number, random: number): number {
  const index = Math.min(Math.max(attempt, 1), DELAYS_MS.length) - 1;
  const delay = DELAYS_MS[index] ?? 0;
  return Math.round(delay * (1 - JITTER + 2 * JITTER * random));
}
