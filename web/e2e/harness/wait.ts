/** Lets time pass, where what is tested is that nothing happens in it, or that something lasts. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Patience {
  /** How long it may take: 15 s. */
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks again and again until the answer is truthy, and returns it. `what` completes the sentence "waited for ...", and
 * `seen` tells what there was instead.
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { withinMs = 15_000, everyMs = 50 }: Patience = {},
  seen?: () => unknown,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > endMs) {
      const instead = seen === undefined ? '' : `; instead: ${JSON.stringify(await seen())}`;
      throw new Error(`waited ${withinMs} ms for ${what}${instead}`);
    }
    await pause(everyMs);
  }
}
