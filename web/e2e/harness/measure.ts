import { expect, type TestContext } from 'vitest';

/** A number that was measured, for the summary. */
export interface Measurement {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The number must not exceed it. */
  readonly atMost?: number;
  readonly atLeast?: number;
}

declare module 'vitest' {
  interface TaskMeta {
    measurements?: Measurement[];
  }
}

/**
 * Keeps a number for the summary, and fails the test if it misses its target. Times and freezes depend on how busy the
 * machine is: the summary names each that is missed, but the test fails only when it is missed by far. With
 * HIROBA_E2E_STRICT=1 it always fails; use that on a machine that does nothing else.
 */
export function measure({ task }: Pick<TestContext, 'task'>, measurement: Measurement): void {
  (task.meta.measurements ??= []).push(measurement);
  const { what, value, atMost, atLeast } = measurement;
  if (atMost !== undefined) expect.soft(value, what).toBeLessThanOrEqual(bearable(measurement, atMost));
  if (atLeast !== undefined) expect.soft(value, what).toBeGreaterThanOrEqual(atLeast);
}

/** How far a number may be above its target before the test fails. */
function bearable({ what, unit }: Measurement, atMost: number): number {
  const hasSpeed = unit === 'ms' || what.includes('freezes');
  if (!hasSpeed || process.env['HIROBA_E2E_STRICT'] === '1') return atMost;
  return Math.max(8 * atMost, atMost + 10);
}

/** The value below which the given share of the values lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
