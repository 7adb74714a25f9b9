import { HirobaError } from './error.ts';
import type { RoomEvents } from './events.ts';
import { Presence } from './presence.ts';
import type {
  ChatMessage,
  Counters,
  FileItem,
  JoinOptions,
  Limits,
  Participant,
  ParticipantId,
  RemoteMedia,
  RoomOptions,
  RoomState,
  RoomStats,
  Speaker,
  Tile,
  Timings,
  VideoSource,
} from './types.ts';
import { onWake } from './wake.ts';

/** How long `leave` waits for the goodbye of the server. */
const LEAVE_MS = 800;

/**
 * One person's presence in one room: signaling, media, chat and files, with all reconnecting done inside.
 *
 * Lists are immutable: each change makes a new one, and an event of the same name carries it.
 *
 * @example
 * const room = new Room();
 * room.on('media', (media) => render(media));
 * const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
 * await room.join({
 *   room: 'tea',
 *   name: 'Aiko',
 *   microphone: stream.getAudioTracks()[0] ?? null,
 *   camera: stream.getVideoTracks()[0] ?? null,
 * });
 */
export class Room {
  readonly #presence: Presence;
  #stopWake: (() => void) | undefined;

  constructor(options: RoomOptions = {}) {
    this.#presence = new Presence(options.url ?? defaultUrl(), options);
  }

  /** Calls `listener` at each event of this type until the returned function is called. */
  on<K extends keyof RoomEvents>(type: K, listener: (event: RoomEvents[K]) => void): () => void {
    return this.#presence.events.on(type, listener);
  }

  get state(): RoomState {
    return this.#presence.session.state;
  }

  /** Our own entry, from the first welcome until the end. */
  get self(): Participant | undefined {
    return this.#presence.roster.self;
  }

  /**
   * The secret of our session, for `JoinOptions.replaces` of the next page. Keep it where only this tab can read it
   * (`sessionStorage`), and out of logs and addresses.
   */
  get session(): string | undefined {
    return this.#presence.session.secret;
  }

  /** The others, in order of joining. */
  get participants(): readonly Participant[] {
    return this.#presence.roster.others;
  }

  /** What the seats play, one entry for each occupied seat. */
  get media(): readonly RemoteMedia[] {
    return this.#presence.media;
  }

  /** Who is heard now, the dominant speaker first. */
  get speakers(): readonly Speaker[] {
    return this.#presence.speakers;
  }

  get chat(): readonly ChatMessage[] {
    return this.#presence.chat.messages;
  }

  get files(): readonly FileItem[] {
    return this.#presence.files.files;
  }

  /** Known from the first welcome on. */
  get limits(): Limits | undefined {
    return this.#presence.limits;
  }

  get counters(): Counters {
    return this.#presence.counters;
  }

  get timings(): Timings {
    return this.#presence.timings;
  }

  /** The server is about to stop, and we are moving to another one. */
  get moving(): boolean {
    return this.#presence.moving;
  }

  /** What plays a participant's camera (with the microphone) or screen (with its audio), if that has a seat. */
  mediaOf(participant: ParticipantId, source: VideoSource): RemoteMedia | undefined {
    return this.media.find((media) => media.participant === participant && media.source === source);
  }

  /**
   * Enters a room. Resolves when media is negotiated; rejects with a `HirobaError`: `name_taken`, `bad_name`,
   * `bad_room`, `room_full`, `server_full`, `shutting_down`,
   * `draining`, `overloaded`, `network`, `aborted`, ... After a rejection, and after the
   * end of a session, `join` may be called again.
   */
  async join(options: JoinOptions): Promise<void> {
    if (typeof RTCPeerConnection === 'undefined') {
      throw new HirobaError('unsupported_browser', 'this browser has no WebRTC');
    }
    if (options.signal?.aborted) {
      throw new HirobaError('aborted', 'the join was aborted');
    }
    const { kind } = this.state;
    if (kind !== 'idle' && kind !== 'ended') {
      throw new HirobaError('wrong_state', `cannot join while ${kind}`);
    }
    await this.#presence.local.set('microphone', options.microphoneMuted ? null : (options.microphone ?? null));
    await this.#presence.local.set('camera', options.cameraMuted ? null : (options.camera ?? null));
    this.#presence.enter(options.room);
    this.#stopWake ??= onWake(() => {
      this.#presence.hint();
    });
    const abort = (): void => {
      this.#presence.session.happened({ type: 'leave' });
    };
    options.signal?.addEventListener('abort', abort);
    try {
      await this.#presence.session.join(options.room, options.name, options.replaces);
    } finally {
      options.signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends the session for good. The others see us leave at once. */
  async leave(): Promise<void> {
    if (this.#presence.sayLeave()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LEAVE_MS);
        const stop = this.on('state', ({ kind }) => {
          if (kind === 'ended' || kind === 'idle') {
            clearTimeout(timer);
            stop();
            resolve();
          }
        });
      });
    }
    this.#presence.session.happened({ type: 'leave' });
  }

  /**
   * Ends the session, if there is one, and lets go of everything, listeners too. For `pagehide` and for components that
   * go away. Local tracks are the caller's and go on.
   */
  close(): void {
    this.#presence.sayLeave();
    this.#presence.session.happened({ type: 'leave' });
    void this.#presence.local.stopScreen();
    this.#presence.events.clear();
    this.#presence.view.close();
    this.#stopWake?.();
    this.#stopWake = undefined;
    this.#presence.chat.close();
  }

  /**
   * Says what the page shows: the server sends pictures only for these tiles, in a fitting size. Call it as often as the
   * layout changes; it is merged and sent when it differs. Before the first call everybody counts as shown.
   */
  setView(tiles: readonly Tile[]): void {
    this.#presence.view.set(tiles);
  }

  /** Sends this microphone; null mutes. No negotiation: it takes effect at once. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    return this.#presence.local.set('microphone', track);
  }

  /** Sends this camera; null turns it off. No negotiation: it takes effect at once. */
  setCamera(track: MediaStreamTrack | null): Promise<void> {
    return this.#presence.local.set('camera', track);
  }

  /**
   * Shares a screen, as from `getDisplayMedia`, with its audio if it has any. The stream is the room's from then on: it
   * is stopped by `stopScreen`, and the share ends when the person stops it in the browser.
   */
  startScreen(stream: MediaStream): Promise<void> {
    return this.#presence.local.startScreen(stream);
  }

  /** Ends the share. Does nothing if there is none. */
  stopScreen(): Promise<void> {
    return this.#presence.local.stopScreen();
  }

  /** Says something to the room. The message is in `chat` at once; its `state` tells whether it has arrived. */
  sendChat(text: string): ChatMessage {
    const self = this.self;
    if (!self) {
      throw new HirobaError('wrong_state', 'chat needs a room');
    }
    return this.#presence.chat.say(self, text);
  }

  /** Offers a file to everybody in the room, also to those who come later. It is read only as it is sent. */
  offerFile(file: File | Blob, name?: string): FileItem {
    return this.#presence.files.offer(file, name);
  }

  /** Asks for an offered file. Watch `files` for the transfer; its `blob` is the file. */
  acceptFile(file: number): void {
    this.#presence.files.accept(file);
  }

  /** Cancels one transfer, or all of somebody else's file; without `transfer`, withdraws our own offer. */
  cancelFile(file: number, transfer?: number): void {
    this.#presence.files.cancel(file, transfer);
  }

  /** Numbers about the connection and each track. Rates are since the last call, so let one place call it. */
  stats(): Promise<RoomStats> {
    return this.#presence.stats();
  }
}

function defaultUrl(): string {
  if (typeof location === 'undefined') {
    throw new HirobaError('wrong_state', 'outside of a page RoomOptions.url is needed');
  }
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/ws`;
}
