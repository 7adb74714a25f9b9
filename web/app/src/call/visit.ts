import { HirobaError, Room } from '@hiroba/sdk';
import i18next from 'i18next';
import { LocalMedia, sentTrack } from '../devices/localMedia.ts';
import { rememberRoom } from '../memory/recentRooms.ts';
import { readSession, removeSession, writeSession } from '../memory/session.ts';
import { readSetting, writeSetting } from '../memory/settings.ts';
import { generateGuestName } from '../names/roomName.ts';
import { Call, type Sent } from './call.ts';
import { State } from './state.ts';

/** Why joining did not work: a code of the SDK or the server, and the name that was tried. */
export interface Problem {
  readonly code: string;
  readonly name: string;
}

/** Where somebody stands with one room. */
export type VisitState =
  | { readonly kind: 'green'; readonly problem: Problem | undefined }
  | { readonly kind: 'joining' }
  | { readonly kind: 'in'; readonly call: Call }
  | { readonly kind: 'ended'; readonly reason: string; readonly message: string };

/** What ends by itself: joining is tried again. */
const passing: ReadonlySet<string> = new Set(['draining', 'overloaded']);

/** What the address asked for. */
export interface VisitOptions {
  readonly name: string | undefined;
  readonly auto: boolean;
}

declare global {
  interface Window {
    /** A debugging aid, for the console and for browser tests: the SDK's Room of the present call. */
    hiroba?: { readonly room: Room };
  }
}

/**
 * One visit to one room, from the green room to the end. Owns the devices and the Room; the page draws what `state`
 * says and calls what people do.
 */
export class Visit {
  readonly roomName: string;
  readonly media = new LocalMedia();
  readonly #state = new State<VisitState>({ kind: 'green', problem: undefined });
  readonly #options: VisitOptions;
  #abort: AbortController | undefined;
  /** The next attempt, after the server said that it takes nobody now. */
  #retry: ReturnType<typeof setTimeout> | undefined;
  #leaveNow: (() => void) | undefined;

  constructor(roomName: string, options: VisitOptions) {
    this.roomName = roomName;
    this.#options = options;
  }

  get state(): VisitState {
    return this.#state.state;
  }

  subscribe = this.#state.subscribe;

  /** The name to begin with. */
  get name(): string {
    return this.#options.name ?? readSetting('name') ?? '';
  }

  /** Starts the devices; goes straight into the room after a reload or when the address says so. */
  open(): void {
    void this.media.open();
    const session = readSession(this.roomName);
    if (session !== undefined) void this.join(session.name);
    else if (this.#options.auto) void this.#joinByItself();
  }

  /** Joins with a name. The devices may still be starting: they are sent as soon as they run. */
  async join(name: string): Promise<void> {
    if (this.state.kind === 'joining' || this.state.kind === 'in') return;
    clearTimeout(this.#retry);
    const room = new Room();
    const abort = new AbortController();
    this.#abort = abort;
    this.#state.set({ kind: 'joining' });
    const { microphone, camera } = this.media.state;
    const sent: Sent = { microphone: sentTrack(microphone), camera: sentTrack(camera) };
    const replaces = readSession(this.roomName)?.secret;
    try {
      await room.join({
        room: this.roomName,
        name,
        ...sent,
        microphoneMuted: sent.microphone === null,
        cameraMuted: sent.camera === null,
        ...(replaces === undefined ? {} : { replaces }),
        signal: abort.signal,
      });
    } catch (error) {
      room.close();
      if (this.#abort !== abort) return; // given up meanwhile
      const code = error instanceof HirobaError ? error.code : 'other';
      // A former session that is in the way of a fresh name is of no use any more.
      removeSession(this.roomName);
      this.#state.set({ kind: 'green', problem: code === 'aborted' ? undefined : { code, name } });
      if (passing.has(code)) {
        const afterMs = (error instanceof HirobaError ? error.retryAfterMs : undefined) ?? 5000;
        // Not everybody at once.
        this.#retry = setTimeout(() => void this.join(name), afterMs * (1 + Math.random() / 2));
      }
      return;
    }
    if (this.#abort !== abort) {
      room.close();
      return;
    }
    this.#enter(room, name, sent);
  }

  /** Gives up joining. */
  cancel(): void {
    this.#abort?.abort();
  }

  leave(): void {
    this.#leaveNow?.();
  }

  /** Back to the green room after the end. */
  again(): void {
    if (this.state.kind !== 'ended') return;
    this.#state.set({ kind: 'green', problem: undefined });
    void this.media.open();
  }

  /** Leaves, and releases the devices. It can be opened no more. */
  close(): void {
    clearTimeout(this.#retry);
    const abort = this.#abort;
    this.#abort = undefined;
    abort?.abort();
    this.leave();
    this.media.close();
  }

  /** In the room without being asked anything: with a made-up name if need be, and another one if that is taken. */
  async #joinByItself(): Promise<void> {
    const wanted = this.name === '' ? generateGuestName(i18next.t('start.guest')) : this.name;
    for (let attempt = 1; attempt <= 9; attempt++) {
      await this.join(attempt === 1 ? wanted : `${wanted} ${attempt}`);
      const { state } = this;
      if (state.kind !== 'green' || state.problem?.code !== 'name_taken') return;
    }
  }

  #enter(room: Room, name: string, sent: Sent): void {
    writeSetting('name', name);
    rememberRoom(this.roomName);
    window.hiroba = { room };
    const call = new Call(this.roomName, room, this.media, sent);
    const remember = (): void => {
      if (room.session !== undefined) writeSession(this.roomName, { secret: room.session, name });
    };
    remember();

    const pageHidden = new AbortController();
    const end = (reason: string, message: string): void => {
      off();
      pageHidden.abort();
      this.#leaveNow = undefined;
      this.#abort = undefined;
      removeSession(this.roomName);
      call.close();
      this.media.release();
      this.#state.set({ kind: 'ended', reason, message });
    };
    const off = room.on('state', (state) => {
      if (state.kind === 'joined') remember(); // another session after the server restarted
      if (state.kind === 'ended') end(state.reason, state.message);
    });
    this.#leaveNow = () => {
      end('left', '');
      void room.leave();
    };
    // Others should not look at a still picture until a time-out when a tab is closed. The session stays
    // remembered, because a reload looks the same from here.
    window.addEventListener(
      'pagehide',
      () => {
        off();
        void room.leave();
      },
      { signal: pageHidden.signal },
    );
    this.#state.set({ kind: 'in', call });
    const { state } = room;
    if (state.kind === 'ended') end(state.reason, state.message);
  }
}
