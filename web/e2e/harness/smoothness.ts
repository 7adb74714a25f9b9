import { measure } from './measure.ts';
import { type Participant, total } from './participant.ts';
import type { Inbound } from './probe.ts';

/** What was counted at one participant. */
interface Count {
  readonly inbound: readonly Inbound[];
  readonly framesSent: number;
}

const count = (participants: readonly Participant[]): Promise<Count[]> =>
  Promise.all(
    participants.map(async ({ page }) => {
      return page.evaluate(async () => ({
        inbound: await window.probe.inbound(),
        framesSent: await window.probe.framesSent(),
      }));
    }),
  );

/** How evenly the pictures and the sound of two participants came during a while. */
export class Smoothness {
  readonly #participants: readonly Participant[];
  readonly #before: readonly Count[];

  private constructor(participants: readonly Participant[], before: readonly Count[]) {
    this.#participants = participants;
    this.#before = before;
  }

  /** Begins to watch every picture that is on the pages of these two now. */
  static async watch(participants: readonly Participant[]): Promise<Smoothness> {
    const before = await count(participants);
    for (const { page } of participants) {
      await page.evaluate(() => {
        window.probe.startFlow();
      });
    }
    return new Smoothness(participants, before);
  }

  /**
   * Ends it, and keeps the numbers. The bounds on time are what a machine is forgiven that is too small for what it does
   * here; whoever is kept waiting by something else waits longer. No frame is forgiven, but for those on their way.
   *
   * @param bounded is false for a while that is measured only to compare with.
   */
  async tell(context: Parameters<typeof measure>[0], during: string, bounded = true): Promise<void> {
    const atMost = (bound: number): object => (bounded ? { atMost: bound } : {});
    const flows = [];
    for (const { page } of this.#participants) flows.push(...(await page.evaluate(() => window.probe.stopFlow())));
    const after = await count(this.#participants);
    const rises = (of: (one: Count) => number): number[] =>
      after.map((one, i) => of(one) - of(this.#before[i] ?? { inbound: [], framesSent: 0 }));
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    const sent = sum(rises(({ framesSent }) => framesSent));
    const arrived = sum(rises(({ inbound }) => total(inbound, 'video', 'framesReceived')));
    measure(context, {
      what: `${during}: frames that were sent and did not arrive`,
      value: Math.max(0, sent - arrived),
      unit: `of ${sent}`,
      ...atMost(10),
    });
    measure(context, {
      what: `${during}: longest gap between pictures`,
      value: Math.max(...flows.map(({ longestGapMs }) => longestGapMs)),
      unit: 'ms',
      ...atMost(1500),
    });
    measure(context, {
      what: `${during}: freezes by getStats`,
      value: sum(rises(({ inbound }) => total(inbound, 'video', 'freezeCount'))),
      unit: '',
    });
    measure(context, {
      what: `${during}: sound that was made up`,
      value: Math.max(...rises(({ inbound }) => total(inbound, 'audio', 'concealedSamples'))) / 48,
      unit: 'ms',
      ...atMost(1000),
    });
  }
}
