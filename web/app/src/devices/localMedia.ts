import { readSetting, writeSetting } from '../memory/settings.ts';
import { type Captured, type Facing, type Input, capture, captureBoth, type Wish } from './capture.ts';
import type { Failure } from './failure.ts';

/** One device as the page shows it. */
export interface InputState {
  /** What the person chose: on or off. */
  readonly wanted: boolean;
  /** Live while it runs. A microphone that is off keeps its track, so that it is back at once. */
  readonly track: MediaStreamTrack | undefined;
  /** A device is being started. */
  readonly starting: boolean;
  readonly failure: Failure | undefined;
  /** The chosen device's id; empty for the system's default. */
  readonly deviceId: string;
}

export interface LocalState {
  readonly microphone: InputState;
  readonly camera: InputState;
  readonly speakerId: string;
  readonly facing: Facing | undefined;
  readonly devices: readonly MediaDeviceInfo[];
}

const remembered = (input: Input): InputState => ({
  wanted: readSetting(`${input}On`) !== 'no',
  track: undefined,
  starting: false,
  failure: undefined,
  deviceId: readSetting(input) ?? '',
});

/** The track that others should get now, if any. */
export const sentTrack = (input: InputState): MediaStreamTrack | null =>
  input.wanted && input.track !== undefined ? input.track : null;

/**
 * Owns the microphone and the camera of this page: it starts them, stops them, and is the only one that does. The state
 * is replaced, never changed, so it can be read as a snapshot.
 */
export class LocalMedia {
  #state: LocalState = {
    microphone: remembered('microphone'),
    camera: remembered('camera'),
    speakerId: readSetting('speaker') ?? '',
    facing: undefined,
    devices: [],
  };
  readonly #listeners = new Set<() => void>();
  readonly #lossListeners = new Set<(input: Input) => void>();
  /** Counts the starts of each device: what comes back from an older one is dropped. */
  readonly #starts = { microphone: 0, camera: 0 };
  readonly #abort = new AbortController();

  constructor() {
    const { signal } = this.#abort;
    if (!('mediaDevices' in navigator)) return;
    navigator.mediaDevices.addEventListener('devicechange', () => void this.#devicesChanged(), { signal });
    // A phone takes the camera away from a page in the background.
    document.addEventListener('visibilitychange', () => void this.#backInFront(), { signal });
  }

  get state(): LocalState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Tells when a device went away while it was in use. */
  onLost(listener: (input: Input) => void): () => void {
    this.#lossListeners.add(listener);
    return () => {
      this.#lossListeners.delete(listener);
    };
  }

  /** Starts what is wanted, with one permission prompt. */
  async open(): Promise<void> {
    const { microphone, camera } = this.#state;
    if (!microphone.wanted || !camera.wanted) {
      await Promise.all([microphone.wanted && this.#start('microphone'), camera.wanted && this.#start('camera')]);
      return;
    }
    const starts = { microphone: this.#begin('microphone'), camera: this.#begin('camera') };
    const captured = await captureBoth(this.#wish('microphone'), this.#wish('camera'));
    this.#finish('microphone', starts.microphone, captured.microphone);
    this.#finish('camera', starts.camera, captured.camera);
    await this.#listDevices();
  }

  /** Turns a device on or off, and remembers it. */
  async set(input: Input, wanted: boolean): Promise<void> {
    writeSetting(`${input}On`, wanted ? 'yes' : 'no');
    this.#change(input, { wanted });
    if (wanted) {
      if (this.#state[input].track === undefined) await this.#start(input);
    } else if (input === 'camera') {
      this.#stop('camera'); // its light goes out
    }
  }

  /** Speaks while a key is held: like `set`, but not remembered. */
  talk(on: boolean): void {
    if (this.#state.microphone.track === undefined && on) void this.#start('microphone');
    this.#change('microphone', { wanted: on });
  }

  /** Takes another device from now on. */
  async choose(input: Input, deviceId: string): Promise<void> {
    writeSetting(input, deviceId);
    this.#change(input, { deviceId, failure: undefined });
    if (input === 'camera') this.#update({ facing: undefined });
    // The old one is stopped first: some systems give a camera to one at a time.
    if (this.#state[input].track !== undefined || this.#state[input].wanted) {
      this.#stop(input);
      await this.#start(input);
    }
  }

  chooseSpeaker(deviceId: string): void {
    writeSetting('speaker', deviceId);
    this.#update({ speakerId: deviceId });
  }

  /** From the front to the back camera of a phone, or back again. */
  async flip(): Promise<void> {
    this.#change('camera', { deviceId: '' });
    this.#update({ facing: this.#state.facing === 'environment' ? 'user' : 'environment' });
    this.#stop('camera');
    await this.#start('camera');
  }

  /** Tries again what failed. */
  async retry(input: Input): Promise<void> {
    this.#change(input, { wanted: true });
    await this.#start(input);
  }

  /** Stops everything. It can be opened again. */
  release(): void {
    this.#stop('microphone');
    this.#stop('camera');
  }

  /** Stops everything, for good. */
  close(): void {
    this.#abort.abort();
    this.release();
    this.#listeners.clear();
  }

  #update(change: Partial<LocalState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener();
  }

  #change(input: Input, change: Partial<InputState>): void {
    this.#update({ [input]: { ...this.#state[input], ...change } });
  }

  #wish(input: Input): Wish {
    return { deviceId: this.#state[input].deviceId, facing: input === 'camera' ? this.#state.facing : undefined };
  }

  async #start(input: Input): Promise<void> {
    const start = this.#begin(input);
    this.#finish(input, start, await capture(input, this.#wish(input)));
    await this.#listDevices();
  }

  #begin(input: Input): number {
    this.#change(input, { starting: true, failure: undefined });
    return ++this.#starts[input];
  }

  #finish(input: Input, start: number, captured: Captured): void {
    const superseded = start !== this.#starts[input];
    const unwanted = input === 'camera' && !this.#state.camera.wanted;
    if (superseded || unwanted || this.#abort.signal.aborted) {
      if ('track' in captured) captured.track.stop();
      if (!superseded) this.#change(input, { starting: false });
      return;
    }
    if ('failure' in captured) {
      this.#change(input, { starting: false, failure: captured.failure, track: undefined });
      return;
    }
    const { track } = captured;
    track.addEventListener('ended', () => void this.#lost(input, track));
    this.#state[input].track?.stop();
    this.#change(input, { starting: false, failure: undefined, track });
  }

  #stop(input: Input): void {
    this.#starts[input]++; // what is still being started is no longer wanted
    this.#state[input].track?.stop();
    this.#change(input, { track: undefined, starting: false });
  }

  /** The device was unplugged, or taken away: another one may be there. `stop()` does not lead here. */
  async #lost(input: Input, track: MediaStreamTrack): Promise<void> {
    if (this.#state[input].track !== track) return;
    this.#change(input, { track: undefined });
    if (document.visibilityState === 'hidden' || !this.#state[input].wanted) return;
    for (const listener of [...this.#lossListeners]) listener(input);
    await this.#start(input);
  }

  async #backInFront(): Promise<void> {
    if (document.visibilityState === 'hidden') return;
    for (const input of ['microphone', 'camera'] as const) {
      const { wanted, track, starting, failure } = this.#state[input];
      if (wanted && !starting && failure === undefined && track?.readyState === 'ended') await this.#start(input);
    }
  }

  async #devicesChanged(): Promise<void> {
    await this.#listDevices();
    for (const input of ['microphone', 'camera'] as const) {
      const { wanted, failure } = this.#state[input];
      const kind = input === 'microphone' ? 'audioinput' : 'videoinput';
      const connected = this.#state.devices.some((device) => device.kind === kind);
      if (wanted && failure === 'missing' && connected) await this.#start(input);
    }
  }

  async #listDevices(): Promise<void> {
    try {
      this.#update({ devices: await navigator.mediaDevices.enumerateDevices() });
    } catch {
      // The list stays as it was; the devices in use are not touched by that.
    }
  }
}
