import { Conversation } from './conversation.ts';
import { Emitter } from './emitter.ts';
import { HirobaError } from './error.ts';
import { FileExchange } from './files/exchange.ts';
import { LocalMedia } from './local.ts';
import { Peer } from './peer.ts';
import type { ErrorMessage, ServerMessage, Welcome } from './protocol.ts';
import { Roster } from './roster.ts';
import { Session } from './session.ts';
import { StatsReader } from './stats.ts';
import type {
  ByeReason,
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
  Source,
  Speaker,
  Tile,
  Timings,
  VideoSource,
} from './types.ts';
import { ViewSender } from './view.ts';
import { onWake } from './wake.ts';

/** The events of a `Room`. Each carries the new value of the property of the same name, or what happened. */
export interface RoomEvents {
  state: RoomState;
  /** The others, or ourselves (`room.self`), changed. */
  participants: readonly Participant[];
  media: readonly RemoteMedia[];
  speakers: readonly Speaker[];
  chat: readonly ChatMessage[];
  files: readonly FileItem[];
  /** Somebody else came. */
  joined: Participant;
  /** Somebody else is gone. */
  left: { readonly participant: Participant; readonly reason: ByeReason };
  /** Something asked for was refused, and no promise was there to reject. The session goes on. */
  error: HirobaError;
  /** The first picture of somebody else was decoded. Once in the life of a `Room`. */
  firstFrame: { readonly joinMs: number; readonly peerConnectionMs: number };
}

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
  readonly #options: RoomOptions;
  readonly #events = new Emitter<RoomEvents>();
  readonly #session: Session;
  readonly #roster = new Roster();
  readonly #local = new LocalMedia();
  readonly #chat: Conversation;
  readonly #files: FileExchange;
  readonly #view: ViewSender;
  #stopWake: (() => void) | undefined;
  #peer: Peer | undefined;
  #stats = new StatsReader();
  #welcome: Welcome | undefined;
  #speakers: readonly Speaker[] = [];
  #roomName: string | undefined;
  #joinedAtMs: number | undefined;
  #timings: Timings = {};
  #peers = 0;
  #offers = 0;
  #answers = 0;
  #onEnd: (() => void) | undefined;

  constructor(options: RoomOptions = {}) {
    this.#options = options;
    this.#session = new Session(
      options.url ?? defaultUrl(),
      {
        onState: (state) => {
          this.#stateChanged(state);
        },
        onWelcome: (welcome) => {
          this.#welcomed(welcome);
        },
        onMessage: (message) => {
          this.#received(message);
        },
        onStartMedia: () => {
          this.#startMedia();
        },
        onResumeMedia: () => {
          this.#resumeMedia();
        },
        onDropMedia: () => {
          this.#dropMedia();
        },
      },
      options.logger,
    );
    this.#files = new FileExchange({
      self: () => this.self,
      nameOf: (id) => this.#roster.find(id)?.name ?? '',
      limits: () => this.limits,
      onFiles: (files) => {
        this.#events.emit('files', files);
      },
      onError: (error) => {
        this.#events.emit('error', error);
      },
    });
    this.#chat = new Conversation({
      send: (message) => this.#session.send(message),
      onChat: (messages) => {
        this.#events.emit('chat', messages);
      },
      onError: (error) => {
        this.#refused(error);
      },
    });
    this.#view = new ViewSender((view) => this.#session.send(view));
  }

  /** Calls `listener` at each event of this type until the returned function is called. */
  on<K extends keyof RoomEvents>(type: K, listener: (event: RoomEvents[K]) => void): () => void {
    return this.#events.on(type, listener);
  }

  get state(): RoomState {
    return this.#session.state;
  }

  /** Our own entry, from the first welcome until the end. */
  get self(): Participant | undefined {
    return this.#roster.self;
  }

  /**
   * The secret of our session, for `JoinOptions.replaces` of the next page. Keep it where only this tab can read it
   * (`sessionStorage`), and out of logs and addresses.
   */
  get session(): string | undefined {
    return this.#session.secret;
  }

  /** The others, in order of joining. */
  get participants(): readonly Participant[] {
    return this.#roster.others;
  }

  /** What the seats play, one entry for each occupied seat. */
  get media(): readonly RemoteMedia[] {
    return this.#peer?.media ?? [];
  }

  /** Who is heard now, the dominant speaker first. */
  get speakers(): readonly Speaker[] {
    return this.#speakers;
  }

  get chat(): readonly ChatMessage[] {
    return this.#chat.messages;
  }

  get files(): readonly FileItem[] {
    return this.#files.files;
  }

  /** Known from the first welcome on. */
  get limits(): Limits | undefined {
    return this.#welcome?.limits;
  }

  get counters(): Counters {
    return {
      offers: this.#offers + (this.#peer?.negotiator.offers ?? 0),
      answers: this.#answers + (this.#peer?.negotiator.answers ?? 0),
      reconnects: this.#session.reconnects,
      peerConnections: this.#peers,
      seats: this.#peer?.seats.count ?? 0,
    };
  }

  get timings(): Timings {
    return this.#timings;
  }

  /** What plays a participant's camera (with the microphone) or screen (with its audio), if that has a seat. */
  mediaOf(participant: ParticipantId, source: VideoSource): RemoteMedia | undefined {
    return this.media.find((media) => media.participant === participant && media.source === source);
  }

  /**
   * Enters a room. Resolves when media is negotiated; rejects with a `HirobaError`: `name_taken`, `bad_name`,
   * `bad_room`, `room_full`, `server_full`, `shutting_down`, `network`, `aborted`, ... After a rejection, and after the
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
    await this.#local.set('microphone', options.microphoneMuted ? null : (options.microphone ?? null));
    await this.#local.set('camera', options.cameraMuted ? null : (options.camera ?? null));
    if (options.room !== this.#roomName) {
      this.#roomName = options.room;
      this.#chat.clear();
      this.#files.clear();
    }
    this.#joinedAtMs = performance.now();
    this.#timings = {};
    this.#stopWake ??= onWake(() => {
      this.#session.hint();
    });
    const abort = (): void => {
      this.#session.happened({ type: 'leave' });
    };
    options.signal?.addEventListener('abort', abort);
    try {
      await this.#session.join(options.room, options.name, options.replaces);
    } finally {
      options.signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends the session for good. The others see us leave at once. */
  async leave(): Promise<void> {
    if (this.#session.send({ type: 'leave' })) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LEAVE_MS);
        this.#onEnd = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#session.happened({ type: 'leave' });
  }

  /**
   * Ends the session, if there is one, and lets go of everything, listeners too. For `pagehide` and for components that
   * go away. Local tracks are the caller's and go on.
   */
  close(): void {
    this.#session.send({ type: 'leave' });
    this.#session.happened({ type: 'leave' });
    void this.#local.stopScreen();
    this.#events.clear();
    this.#view.close();
    this.#stopWake?.();
    this.#stopWake = undefined;
    this.#chat.close();
  }

  /**
   * Says what the page shows: the server sends pictures only for these tiles, in a fitting size. Call it as often as the
   * layout changes; it is merged and sent when it differs. Before the first call everybody counts as shown.
   */
  setView(tiles: readonly Tile[]): void {
    this.#view.set(tiles);
  }

  /** Sends this microphone; null mutes. No negotiation: it takes effect at once. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    return this.#local.set('microphone', track);
  }

  /** Sends this camera; null turns it off. No negotiation: it takes effect at once. */
  setCamera(track: MediaStreamTrack | null): Promise<void> {
    return this.#local.set('camera', track);
  }

  /**
   * Shares a screen, as from `getDisplayMedia`, with its audio if it has any. The stream is the room's from then on: it
   * is stopped by `stopScreen`, and the share ends when the person stops it in the browser.
   */
  startScreen(stream: MediaStream): Promise<void> {
    return this.#local.startScreen(stream);
  }

  /** Ends the share. Does nothing if there is none. */
  stopScreen(): Promise<void> {
    return this.#local.stopScreen();
  }

  /** Says something to the room. The message is in `chat` at once; its `state` tells whether it has arrived. */
  sendChat(text: string): ChatMessage {
    const self = this.self;
    if (!self) {
      throw new HirobaError('wrong_state', 'chat needs a room');
    }
    return this.#chat.say(self, text);
  }

  /** Offers a file to everybody in the room, also to those who come later. It is read only as it is sent. */
  offerFile(file: File | Blob, name?: string): FileItem {
    return this.#files.offer(file, name);
  }

  /** Asks for an offered file. Watch `files` for the transfer; its `blob` is the file. */
  acceptFile(file: number): void {
    this.#files.accept(file);
  }

  /** Cancels one transfer, or all of somebody else's file; without `transfer`, withdraws our own offer. */
  cancelFile(file: number, transfer?: number): void {
    this.#files.cancel(file, transfer);
  }

  /** Numbers about the connection and each track. Rates are since the last call, so let one place call it. */
  async stats(): Promise<RoomStats> {
    const peer = this.#peer;
    if (!peer) {
      return { atMs: Date.now(), connection: { bitsPerSecondReceived: 0, bitsPerSecondSent: 0 }, tracks: [] };
    }
    const report = await peer.pc.getStats();
    return this.#stats.read(report, (mid) => this.#trackOf(mid), Date.now());
  }

  #stateChanged(state: RoomState): void {
    this.#events.emit('state', state);
    if (state.kind === 'ended' || state.kind === 'idle') {
      this.#roster.clear();
      this.#speakers = [];
      this.#events.emit('participants', this.participants);
      this.#events.emit('speakers', this.speakers);
      this.#onEnd?.();
    }
  }

  #welcomed(welcome: Welcome): void {
    const first = this.#welcome === undefined;
    this.#welcome = welcome;
    const { came, gone } = this.#roster.replace(welcome.self, welcome.participants ?? []);
    this.#speakers = welcome.speakers ?? [];
    this.#events.emit('participants', this.participants);
    this.#events.emit('speakers', this.speakers);
    if (welcome.resumed && !first) {
      // After a fresh join everybody would seem to have left and come.
      for (const participant of gone) {
        this.#events.emit('left', { participant, reason: 'left' });
      }
      for (const participant of came) {
        this.#events.emit('joined', participant);
      }
    }
    this.#view.repeat(welcome.limits.viewTiles);
    this.#chat.welcomed(welcome.chat ?? []);
  }

  #received(message: ServerMessage): void {
    switch (message.type) {
      case 'answer':
        void this.#peer?.answered(message.id, message.sdp);
        break;
      case 'candidate':
        void this.#peer?.candidate(message);
        break;
      case 'seats':
        this.#peer?.occupy(message.seats ?? []);
        break;
      case 'need_seats':
        void this.#peer?.growSeats(message.seats);
        break;
      case 'joined': {
        const participant = this.#roster.add(message.participant);
        this.#participantsChanged();
        if (participant) {
          this.#events.emit('joined', participant);
        }
        break;
      }
      case 'left': {
        const participant = this.#roster.remove(message.participant);
        this.#participantsChanged();
        if (participant) {
          this.#events.emit('left', { participant, reason: message.reason });
        }
        break;
      }
      case 'updated':
        this.#roster.update(message.participant);
        this.#participantsChanged();
        break;
      case 'speakers':
        this.#speakers = message.speakers ?? [];
        this.#events.emit('speakers', this.speakers);
        break;
      case 'chat':
        this.#chat.received(message);
        break;
      case 'error':
        this.#refused(message);
        break;
      case 'welcome':
      case 'bye':
      case 'pong':
        break;
    }
  }

  #refused(error: ErrorMessage): void {
    if (error.re === 'offer') {
      void this.#peer?.refused(error);
      return;
    }
    if (error.re === 'chat_send' && error.id !== undefined) {
      this.#chat.refused(error.id);
    }
    const { retryAfterMs } = error;
    this.#events.emit('error', new HirobaError(error.code, error.message, { retryAfterMs }));
  }

  #participantsChanged(): void {
    this.#events.emit('participants', this.participants);
    this.#peer?.updateMedia();
  }

  #startMedia(): void {
    const welcome = this.#welcome;
    if (!welcome) {
      return;
    }
    this.#closePeer();
    const { maxSeats = Infinity, seats = welcome.seats, videoCodec, screenVideoCodec = videoCodec } = this.#options;
    const peer = new Peer(
      {
        iceServers: [...(welcome.iceServers ?? []).map(iceServer), ...(this.#options.iceServers ?? [])],
        seats,
        maxSeats: Math.min(maxSeats, welcome.limits.seats),
        codecs: { camera: videoCodec, screen: screenVideoCodec },
        local: this.#local.tracks,
        logger: this.#options.logger,
      },
      {
        send: (message) => this.#session.send(message),
        isMuted: (participant, source) => this.#roster.isMuted(participant, source),
        onMedia: (media) => {
          this.#events.emit('media', media);
          this.#noteFirstFrame();
        },
        onDown: () => {
          this.#session.happened({ type: 'media_down' });
        },
        onBack: () => {
          this.#session.happened({ type: 'media_back' });
        },
        onLost: () => {
          this.#session.happened({ type: 'media_lost' });
        },
        onError: (error) => {
          this.#events.emit('error', error);
        },
      },
    );
    this.#peer = peer;
    this.#local.attach(peer);
    this.#peers++;
    this.#stats = new StatsReader();
    this.#files.attach(peer.file);
    this.#chat.attach(peer.chat);
    void this.#negotiateFirst(peer);
  }

  async #negotiateFirst(peer: Peer): Promise<void> {
    try {
      await peer.negotiator.request();
    } catch (error) {
      if (this.#peer === peer && error instanceof HirobaError) {
        this.#session.refused(error);
      }
      return;
    }
    if (this.#peer === peer) {
      peer.tellMuted();
      this.#session.happened({ type: 'answered' });
    }
  }

  #resumeMedia(): void {
    const peer = this.#peer;
    peer?.negotiator.resend();
    peer?.tellMuted();
    peer?.updateMedia();
    void peer?.check();
  }

  #dropMedia(): void {
    const had = this.media.length > 0;
    this.#closePeer();
    this.#files.detach();
    this.#welcome = undefined;
    if (had) {
      this.#events.emit('media', this.media);
    }
  }

  #closePeer(): void {
    this.#offers += this.#peer?.negotiator.offers ?? 0;
    this.#answers += this.#peer?.negotiator.answers ?? 0;
    this.#peer?.close();
    this.#peer = undefined;
    this.#local.attach(undefined);
  }

  #noteFirstFrame(): void {
    const peer = this.#peer;
    if (!peer || this.#timings.peerConnectionMs !== undefined || !this.media.some((media) => media.playing)) {
      return;
    }
    const nowMs = performance.now();
    const peerConnectionMs = nowMs - peer.createdAtMs;
    const first = this.#timings.joinMs === undefined;
    const joinMs = this.#timings.joinMs ?? nowMs - (this.#joinedAtMs ?? nowMs);
    this.#timings = { joinMs, peerConnectionMs };
    if (first) {
      this.#events.emit('firstFrame', { joinMs, peerConnectionMs });
    }
  }

  #trackOf(mid: string): { participant: ParticipantId; source: Source } | undefined {
    const own = this.#peer?.publisher.sourceOf(mid);
    if (own) {
      return this.self && { participant: this.self.id, source: own };
    }
    const occupant = this.#peer?.seats.occupantOf(mid);
    if (!occupant?.state.participant) {
      return undefined;
    }
    const screen = occupant.state.source === 'screen' || occupant.state.source === 'screen_audio';
    const audio = occupant.kind === 'audio';
    const source = screen ? (audio ? 'screen_audio' : 'screen') : audio ? 'microphone' : 'camera';
    return { participant: occupant.state.participant, source };
  }
}

function defaultUrl(): string {
  if (typeof location === 'undefined') {
    throw new HirobaError('wrong_state', 'outside of a page RoomOptions.url is needed');
  }
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/ws`;
}

function iceServer({ urls, ...rest }: NonNullable<Welcome['iceServers']>[number]): RTCIceServer {
  return { urls: [...urls], ...rest };
}
