import { captureScreen } from '../devices/capture.ts';
import type { Failure } from '../devices/failure.ts';
import type { RoomClient } from './roomClient.ts';
import { State } from './state.ts';

/** Owns the screen that is shared from this page. */
export class ScreenShare {
  /** What is shared now. */
  readonly stream = new State<MediaStream | undefined>(undefined);
  readonly #room: RoomClient;
  readonly #failureListeners = new Set<(failure: Failure) => void>();
  #asking = false;

  constructor(room: RoomClient) {
    this.#room = room;
  }

  /** Tells why sharing did not work. */
  onFailure(listener: (failure: Failure) => void): () => void {
    this.#failureListeners.add(listener);
    return () => {
      this.#failureListeners.delete(listener);
    };
  }

  async toggle(): Promise<void> {
    await (this.stream.state === undefined ? this.start() : this.stop());
  }

  async start(): Promise<void> {
    if (this.#asking || this.stream.state !== undefined) return;
    this.#asking = true;
    try {
      const captured = await captureScreen();
      if (captured === undefined) return;
      if (!(captured instanceof MediaStream)) {
        this.#fail(captured.failure);
        return;
      }
      // The browser has a button of its own to stop sharing.
      captured.getVideoTracks()[0]?.addEventListener('ended', () => void this.stop());
      this.stream.set(captured);
      await this.#room.startScreen(captured);
    } catch {
      this.#fail('other');
      await this.stop();
    } finally {
      this.#asking = false;
    }
  }

  async stop(): Promise<void> {
    const stream = this.stream.state;
    if (stream === undefined) return;
    this.stream.set(undefined);
    for (const track of stream.getTracks()) track.stop();
    await this.#room.stopScreen().catch(() => undefined); // the room may have ended meanwhile
  }

  #fail(failure: Failure): void {
    for (const listener of [...this.#failureListeners]) listener(failure);
  }
}
