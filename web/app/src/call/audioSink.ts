import type { RemoteMedia } from '@hiroba/sdk';
import { State } from './state.ts';

/**
 * Plays the sound of every seat, also of people whose tiles are not shown. One audio element belongs to one seat's
 * stream for as long as the call lasts: who sits there changes, the element does not.
 */
export class AudioSink {
  /** True while the browser wants a click before it plays anything. */
  readonly blocked = new State(false);
  readonly #elements = new Map<MediaStream, HTMLAudioElement>();
  readonly #host: HTMLElement;
  #speakerId = '';

  constructor() {
    this.#host = document.createElement('div');
    this.#host.hidden = true;
    document.body.append(this.#host);
  }

  /** Begins to play seats that are new. */
  update(media: readonly RemoteMedia[]): void {
    for (const { stream } of media) {
      if (this.#elements.has(stream)) continue;
      const element = document.createElement('audio');
      element.autoplay = true;
      element.srcObject = stream;
      this.#elements.set(stream, element);
      this.#host.append(element);
      this.#route(element);
      void this.#play(element);
    }
  }

  /** Plays on another speaker from now on; empty for the system's default. */
  chooseSpeaker(deviceId: string): void {
    if (deviceId === this.#speakerId) return;
    this.#speakerId = deviceId;
    for (const element of this.#elements.values()) this.#route(element);
  }

  /** Plays what was blocked; call it in a click. */
  resume(): void {
    this.blocked.set(false);
    for (const element of this.#elements.values()) void this.#play(element);
  }

  close(): void {
    for (const element of this.#elements.values()) element.srcObject = null;
    this.#elements.clear();
    this.#host.remove();
  }

  #route(element: HTMLAudioElement): void {
    // Where a browser has no choice of speakers, or the chosen one is gone, the default one plays.
    if ('setSinkId' in element) void element.setSinkId(this.#speakerId).catch(() => undefined);
  }

  async #play(element: HTMLAudioElement): Promise<void> {
    try {
      await element.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.blocked.set(true);
    }
  }
}
