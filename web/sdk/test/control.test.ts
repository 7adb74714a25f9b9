import { describe, expect, it } from 'vitest';
import { EncodingControl } from '../src/control.ts';
import type { Encoding } from '../src/encodings.ts';

const encodings = (highest: number): Encoding[] =>
  ['q', 'h', 'f'].map((rid, i) => ({ rid, active: i <= highest, scaleResolutionDownBy: 1, maxBitrate: 100_000 }));

/** A sender as the specification has it: one transaction at a time, and only with fresh parameters. */
class FakeSender {
  track: MediaStreamTrack | null = {} as MediaStreamTrack;
  sent: Encoding[] = encodings(2);
  readonly calls: boolean[][] = [];
  refuses = false;
  #transaction = 0;
  #waiting: (() => void)[] = [];

  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  getParameters(): RTCRtpSendParameters {
    const transactionId = String(++this.#transaction);
    return { transactionId, encodings: this.sent, codecs: [], headerExtensions: [], rtcp: {} };
  }

  setParameters(parameters: RTCRtpSendParameters): Promise<void> {
    if (this.isBusy || parameters.transactionId !== String(this.#transaction)) {
      return Promise.reject(new Error('InvalidStateError'));
    }
    this.calls.push(parameters.encodings.map(({ active }) => active === true));
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (this.refuses) {
          reject(new Error('OperationError'));
          return;
        }
        this.sent = parameters.encodings as Encoding[];
        resolve();
      });
    });
  }

  async finish(): Promise<void> {
    await settle();
    for (const done of this.#waiting.splice(0)) {
      done();
    }
    await settle();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function setUp(): { sender: FakeSender; control: EncodingControl; limit: (highest: number) => void; log: string[] } {
  const sender = new FakeSender();
  const log: string[] = [];
  const logger = { debug: () => undefined, warn: (message: string) => log.push(message) };
  let wanted = 2;
  const control = new EncodingControl(sender, () => encodings(wanted), logger);
  const limit = (highest: number): void => {
    wanted = highest;
    control.update();
  };
  return { sender, control, limit, log };
}

describe('EncodingControl', () => {
  it('sets what is wanted, and nothing when nothing changed', async () => {
    const { sender, control, limit } = setUp();
    limit(0);
    await sender.finish();
    control.update();
    await sender.finish();
    expect(sender.calls).toEqual([[true, false, false]]);
  });

  it('merges what changes at once, and what changes while the browser is busy', async () => {
    const { sender, limit } = setUp();
    limit(1);
    limit(-1);
    limit(0);
    await settle();
    expect(sender.isBusy).toBe(true);
    limit(2);
    limit(-1);
    await sender.finish();
    await sender.finish();
    expect(sender.calls).toEqual([
      [true, false, false],
      [false, false, false],
    ]);
  });

  it('leaves a muted sender alone, and catches up', async () => {
    const { sender, control, limit } = setUp();
    const { track } = sender;
    sender.track = null;
    limit(0);
    await sender.finish();
    expect(sender.calls).toEqual([]);
    sender.track = track;
    control.update();
    await sender.finish();
    expect(sender.calls).toEqual([[true, false, false]]);
  });

  it('goes on after a refusal', async () => {
    const { sender, limit, log } = setUp();
    sender.refuses = true;
    limit(0);
    await sender.finish();
    expect(log).toEqual(['encodings not changed']);
    sender.refuses = false;
    limit(1);
    await sender.finish();
    expect(sender.sent.map(({ active }) => active)).toEqual([true, true, false]);
  });
});
