import { measure } from './measure.ts';
import { type Participant, total } from './participant.ts';
import type { Inbound } from './probe.ts';

/** How evenly everybody's pictures and sound came during a while. */
export class Smoothness {
  readonly #participants: readonly Participant[];
  readonly #before: readonly (readonly Inbound[])[];

  private constructor(participants: readonly Participant[], before: readonly (readonly Inbound[])[]) {
    this.#participants = participants;
    this.#before = before;
  }

  /** Begins to watch every picture that is on the participants' pages now. */
  static async watch(participants: readonly Participant[]): Promise<Smoothness> {
    const before = await Promise.all(participants.map((participant) => participant.inbound()));
    for (const { page } of participants) {
      await page.evaluate(() => {
        window.probe.startFlow();
      });
    }
    return new Smoothness(participants, before);
  }

  /**
   * Ends it, and keeps the numbers. Half a second is the most that a busy machine is forgiven; a gap that somebody
   * caused is longer.
   *
   * @param bounded is false for a while that is measured only to compare with.
   */
  async tell(context: Parameters<typeof measure>[0], during: string, bounded = true): Promise<void> {
    const bound = bounded ? { atMost: 500 } : {};
    const flows = [];
    for (const { page } of this.#participants) flows.push(...(await page.evaluate(() => window.probe.stopFlow())));
    const after = await Promise.all(this.#participants.map((participant) => participant.inbound()));
    const rise = (kind: 'audio' | 'video', of: 'freezeCount' | 'concealedSamples'): number =>
      Math.max(...after.map((lines, i) => total(lines, kind, of) - total(this.#before[i] ?? [], kind, of)));
    measure(context, {
      what: `${during}: longest gap between pictures`,
      value: Math.max(...flows.map(({ longestGapMs }) => longestGapMs)),
      unit: 'ms',
      ...bound,
    });
    measure(context, { what: `${during}: freezes by getStats`, value: rise('video', 'freezeCount'), unit: '' });
    measure(context, {
      what: `${during}: sound that was made up`,
      value: rise('audio', 'concealedSamples') / 48,
      unit: 'ms',
      ...bound,
    });
  }
}
