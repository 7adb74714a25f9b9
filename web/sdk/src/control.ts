import { changedEncodings } from './encodings.ts';
import type { Encoding } from './encodings.ts';
import type { Logger } from './types.ts';

/** The part of RTCRtpSender that is controlled. */
export type Controllable = Pick<RTCRtpSender, 'track' | 'getParameters' | 'setParameters'>;

/**
 * Keeps the encodings of one sender as they should be, one `setParameters` at a time: what changes while the browser is
 * busy with one is done by the next. A sender without a track is left alone until it has one.
 */
export class EncodingControl {
  readonly #sender: Controllable;
  readonly #encodings: (track: MediaStreamTrack) => readonly Encoding[];
  readonly #logger: Logger | undefined;
  #state: 'idle' | 'busy' | 'again' = 'idle';

  /** @param encodings tells how a track should be encoded now. */
  constructor(
    sender: Controllable,
    encodings: (track: MediaStreamTrack) => readonly Encoding[],
    logger: Logger | undefined,
  ) {
    this.#sender = sender;
    this.#encodings = encodings;
    this.#logger = logger;
  }

  /** To be called when what is wanted has changed, or the track. */
  update(): void {
    if (this.#state === 'idle') {
      void this.#run();
    } else {
      this.#state = 'again';
    }
  }

  async #run(): Promise<void> {
    do {
      this.#state = 'busy';
      await Promise.resolve(); // what else changes in this task is done together
      try {
        await this.#apply();
      } catch (error) {
        // It costs bandwidth and nothing else: the server chooses among whatever comes.
        this.#logger?.warn('encodings not changed', { error: String(error) });
      }
    } while (this.#isWantedAgain());
    this.#state = 'idle';
  }

  #isWantedAgain(): boolean {
    return this.#state === 'again';
  }

  async #apply(): Promise<void> {
    const { track } = this.#sender;
    if (!track) {
      return;
    }
    this.#state = 'busy';
    // What getParameters returns holds until the end of this task only.
    const parameters = this.#sender.getParameters();
    const encodings = changedEncodings(parameters.encodings, this.#encodings(track));
    if (encodings) {
      await this.#sender.setParameters({ ...parameters, encodings });
      this.#logger?.debug('encodings changed', { active: encodings.map(({ active }) => active) });
    }
  }
}
