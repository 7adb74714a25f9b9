import type { ParticipantId, RoomStats } from '@hiroba/sdk';
import { judge, type Quality, steady } from './quality.ts';
import type { RoomClient } from './roomClient.ts';
import { State } from './state.ts';

const intervalMs = 2000;

/** Reads the room's statistics for all who want them: rates are since the last reading, so there is only one reader. */
export class StatsPoller {
  readonly latest = new State<RoomStats | undefined>(undefined);
  readonly quality = new State<ReadonlyMap<ParticipantId, Quality>>(new Map());
  readonly #room: RoomClient;
  readonly #timer: ReturnType<typeof setInterval>;
  #history: readonly ReadonlyMap<ParticipantId, Quality>[] = [];
  #reading = false;

  constructor(room: RoomClient) {
    this.#room = room;
    this.#timer = setInterval(() => void this.#read(), intervalMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    if (this.#reading || this.#room.state.kind !== 'joined' || document.visibilityState === 'hidden') return;
    this.#reading = true;
    try {
      const before = this.latest.state;
      const now = await this.#room.stats();
      if (before !== undefined) {
        this.#history = [judge(before, now), ...this.#history].slice(0, 3);
        this.quality.set(steady(this.#history));
      }
      this.latest.set(now);
    } catch {
      // The connection is being replaced: the next reading will do.
    } finally {
      this.#reading = false;
    }
  }
}
