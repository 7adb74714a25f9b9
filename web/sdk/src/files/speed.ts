/** Over how long the speed is measured. */
const SPAN_MS = 3000;

/** The speed of a transfer over the last three seconds. */
export class Speedometer {
  #points: { atMs: number; bytes: number }[] = [];

  /** @param bytes The total so far. */
  record(bytes: number, nowMs: number): void {
    this.#points.push({ atMs: nowMs, bytes });
    // One point from before the span stays, to measure from.
    const firstInside = this.#points.findIndex(({ atMs }) => atMs >= nowMs - SPAN_MS);
    if (firstInside > 1) {
      this.#points.splice(0, firstInside - 1);
    }
  }

  get bytesPerSecond(): number {
    const first = this.#points[0];
    const last = this.#points.at(-1);
    if (!first || !last || last.atMs <= first.atMs) {
      return 0;
    }
    return Math.round(((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs));
  }
}
