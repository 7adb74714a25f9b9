import { Conversation } from './conversation.ts';
import { Emitter } from './emitter.ts';
import { HirobaError } from './error.ts';
import type { RoomEvents } from './events.ts';
import { FileExchange } from './files/exchange.ts';
import { LocalMedia } from './local.ts';
import { Former } from './former.ts';
import { Mover, sameNames } from './mover.ts';
import { Peer } from './peer.ts';
import type { PeerOwner } from './peer.ts';
import type { ErrorMessage, ServerMessage, Welcome } from './protocol.ts';
import type { SendOptions } from './publisher.ts';
import { Reporter } from './reporter.ts';
import { Roster } from './roster.ts';
import { Session } from './session.ts';
import type { SessionOwner } from './session.ts';
import { StatsReader } from './stats.ts';
import { sightOf, Successor } from './successor.ts';
import type {
  Counters,
  Limits,
  ParticipantId,
  RemoteMedia,
  RoomOptions,
  RoomState,
  RoomStats,
  Source,
  Speaker,
  Timings,
} from './types.ts';
import { ViewSender } from './view.ts';

/**
 * The inside of a `Room`: the parts that stay (session, roster, chat, files, view, local media), the `Peer` that comes
 * and goes with each session on the server, and the wires between them.
 */
export class Presence {
  readonly events = new Emitter<RoomEvents>();
  readonly local = new LocalMedia();
  readonly chat: Conversation;
  readonly files: FileExchange;
  readonly view: ViewSender;
  readonly #reporter: Reporter;
  readonly #options: RoomOptions;
  readonly #mover: Mover;
  readonly #url: string;
  #session: Session;
  #roster = new Roster();
  #former: Former | undefined;
  #peer: Peer | undefined;
  #stats = new StatsReader();
  #welcome: Welcome | undefined;
  #speakers: readonly Speaker[] = [];
  #room: string | undefined;
  #enteredAtMs = 0;
  #timings: Timings = {};
  #formerReconnects = 0;
  #closedPeers = { peerConnections: 0, offers: 0, answers: 0, iceRestarts: 0 };

  constructor(url: string, options: RoomOptions) {
    this.#options = options;
    this.#url = url;
    this.#session = this.#newSession();
    this.#mover = new Mover({
      begin: (to) => this.#begin(to),
      sight: () => sightOf(this.roster, this.media),
      adopt: (successor) => {
        this.#adopt(successor);
      },
      onMoving: (moving) => {
        this.events.emit('moving', moving);
      },
    });
    this.files = new FileExchange({
      self: () => this.roster.self,
      nameOf: (id) => this.roster.find(id)?.name ?? '',
      limits: () => this.limits,
      onFiles: (files) => {
        this.events.emit('files', files);
      },
      onError: (error) => {
        this.events.emit('error', error);
      },
    });
    this.chat = new Conversation({
      send: (message) => this.session.send(message),
      onChat: (messages) => {
        this.events.emit('chat', messages);
      },
      onError: (error) => {
        this.#refused(error);
      },
    });
    this.view = new ViewSender((view) => this.session.send(view));
    this.#reporter = new Reporter({
      send: (report) => this.session.send(report),
      getStats: () => this.#peer?.pc.getStats(),
    });
  }

  /** The present session: another one after a move. */
  get session(): Session {
    return this.#session;
  }

  get roster(): Roster {
    return this.#roster;
  }

  get moving(): boolean {
    return this.#mover.moving;
  }

  get media(): readonly RemoteMedia[] {
    return this.#peer?.media ?? [];
  }

  get speakers(): readonly Speaker[] {
    return this.#speakers;
  }

  get limits(): Limits | undefined {
    return this.#welcome?.limits;
  }

  get timings(): Timings {
    return this.#timings;
  }

  get counters(): Counters {
    const { peerConnections, offers, answers, iceRestarts } = this.#closedPeers;
    const peer = this.#peer;
    return {
      offers: offers + (peer?.negotiator.offers ?? 0),
      answers: answers + (peer?.negotiator.answers ?? 0),
      reconnects: this.#formerReconnects + this.session.reconnects,
      iceRestarts: iceRestarts + (peer?.restarts ?? 0),
      peerConnections: peerConnections + (peer ? 1 : 0),
      seats: peer?.seats.count ?? 0,
    };
  }

  /** A join begins: what belongs to another room is forgotten. */
  enter(room: string): void {
    if (room !== this.#room) {
      this.#room = room;
      this.chat.clear();
      this.files.clear();
    }
    this.#enteredAtMs = performance.now();
    this.#timings = {};
    if (this.#session.url !== this.#url) {
      this.#session = this.#newSession(); // we had moved
    }
  }

  /** Says goodbye to the server, with a last report. False when there is nobody to say it to. */
  sayLeave(): boolean {
    this.#reporter.flush();
    return this.session.send({ type: 'leave' });
  }

  /** Something may have changed about the network: finds out what still works, instead of waiting for timers. */
  hint(): void {
    this.session.hint();
    this.#peer?.hint();
  }

  async stats(): Promise<RoomStats> {
    const peer = this.#peer;
    if (!peer) {
      return { atMs: Date.now(), connection: { bitsPerSecondReceived: 0, bitsPerSecondSent: 0 }, tracks: [] };
    }
    return this.#stats.read(await peer.pc.getStats(), (mid) => this.#trackOf(mid), Date.now());
  }

  #sessionOwner(): SessionOwner {
    return {
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
        this.#peer?.resumed();
      },
      onDropMedia: () => {
        this.#dropMedia();
      },
    };
  }

  #stateChanged(state: RoomState): void {
    if (state.kind === 'reconnecting' && state.media === 'down' && this.#mover.moving) {
      this.#mover.hurry();
    }
    this.events.emit('state', state);
    if (state.kind === 'ended' || state.kind === 'idle') {
      this.#mover.stop();
      this.#former?.close();
      this.roster.clear();
      this.#speakers = [];
      this.events.emit('participants', this.roster.others);
      this.events.emit('speakers', this.#speakers);
    }
  }

  #welcomed(welcome: Welcome): void {
    this.#welcome = welcome;
    const { came, gone } = this.roster.replace(welcome.self, welcome.participants ?? []);
    this.#speakers = welcome.speakers ?? [];
    this.events.emit('participants', this.roster.others);
    this.events.emit('speakers', this.#speakers);
    if (welcome.resumed) {
      this.#peer?.useServers(this.#iceServers(welcome));
      // Not after a fresh join: there everybody would seem to have left and come.
      for (const participant of gone) {
        this.events.emit('left', { participant, reason: 'left' });
      }
      for (const participant of came) {
        this.events.emit('joined', participant);
      }
    }
    this.view.repeat(welcome.limits.viewTiles);
    this.chat.welcomed(welcome.chat ?? []);
  }

  #received(message: ServerMessage): void {
    switch (message.type) {
      case 'answer':
      case 'candidate':
      case 'seats':
      case 'need_seats':
      case 'layers':
        this.#peer?.received(message);
        break;
      case 'draining':
        this.#mover.draining(message);
        break;
      case 'joined': {
        const participant = this.roster.add(message.participant);
        this.#rosterChanged();
        if (participant) {
          this.events.emit('joined', participant);
        }
        break;
      }
      case 'left': {
        const participant = this.roster.remove(message.participant);
        this.#rosterChanged();
        if (participant) {
          this.events.emit('left', { participant, reason: message.reason });
        }
        break;
      }
      case 'updated':
        this.roster.update(message.participant);
        this.#rosterChanged();
        break;
      case 'speakers':
        this.#speakers = message.speakers ?? [];
        this.events.emit('speakers', this.#speakers);
        break;
      case 'chat':
        this.chat.received(message);
        break;
      case 'error':
        this.#refused(message);
        break;
      case 'welcome':
      case 'bye':
      case 'pong':
        break; // the session's and the socket's
    }
  }

  #rosterChanged(): void {
    this.events.emit('participants', this.roster.others);
    this.#peer?.updateMedia();
  }

  #refused(error: ErrorMessage): void {
    if (error.re === 'report') {
      return; // an older server does not know reports; nobody misses one
    }
    if (error.re === 'offer') {
      void this.#peer?.refused(error);
      return; // whoever asked for the offer is told
    }
    if (error.re === 'chat_send' && error.id !== undefined) {
      this.chat.refused(error.id);
    }
    const { retryAfterMs } = error;
    this.events.emit('error', new HirobaError(error.code, error.message, { retryAfterMs }));
  }

  #startMedia(): void {
    const welcome = this.#welcome;
    if (!welcome) {
      return;
    }
    this.#closePeer();
    const peer = this.#makePeer(welcome, this.#peerOwner());
    this.#peer = peer;
    this.#stats = new StatsReader();
    this.#reporter.start();
    this.local.attach(peer);
    this.files.attach(peer.file);
    this.chat.attach(peer.chat);
    void this.#negotiateFirst(peer);
  }

  #newSession(): Session {
    return new Session(this.#url, this.#sessionOwner(), this.#options.logger, this.#options.traceparent);
  }

  #peerOwner(): PeerOwner {
    return {
      send: (message) => this.session.send(message),
      isMuted: (participant, source) => this.roster.isMuted(participant, source),
      onMedia: (media) => {
        this.events.emit('media', media);
        this.#noteFirstFrame();
      },
      onDoubt: () => {
        this.session.probe();
      },
      onDown: () => {
        this.session.happened({ type: 'media_down' });
        this.session.suspect();
      },
      onBack: () => {
        this.session.happened({ type: 'media_back' });
      },
      onLost: () => {
        this.session.happened({ type: 'media_lost' });
      },
      onError: (error) => {
        this.events.emit('error', error);
      },
    };
  }

  #makePeer(welcome: Welcome, owner: PeerOwner): Peer {
    const { maxSeats = Infinity, seats = welcome.seats } = this.#options;
    return new Peer(
      {
        iceServers: this.#iceServers(welcome),
        seats,
        maxSeats: Math.min(maxSeats, welcome.limits.seats),
        send: sendOptions(this.#options),
        local: this.local.tracks,
        logger: this.#options.logger,
      },
      owner,
    );
  }

  /** A second presence at another server, or at another process behind the same address. */
  #begin(to: string | undefined): Successor {
    return new Successor({
      url: to ?? this.session.url,
      room: this.#room ?? '',
      name: this.session.name ?? '',
      local: this.local,
      logger: this.#options.logger,
      makePeer: (welcome, owner) => this.#makePeer(welcome, owner),
    });
  }

  /** The second presence takes the place of the first, which lingers for those who have not moved yet. */
  #adopt(successor: Successor): void {
    const { welcome, peer } = successor;
    if (!welcome || !peer) {
      return;
    }
    this.#reporter.flush();
    const [session, formerPeer, roster] = [this.#session, this.#peer, this.#roster];
    const ids = sameNames(roster.others, successor.roster.others);
    successor.roster.orderAs(roster.others.map(({ name }) => name));
    const { peerConnections, offers, answers, iceRestarts } = this.counters;
    this.#closedPeers = { peerConnections, offers, answers, iceRestarts };
    this.#formerReconnects += session.reconnects;

    this.#session = successor.session;
    this.#peer = peer;
    this.#roster = successor.roster;
    this.#welcome = welcome;
    this.#speakers = successor.speakers;
    this.#stats = new StatsReader();
    peer.firstFrameNoted = true;
    this.#reporter.start();
    this.#former?.close();
    this.#former = new Former(session, formerPeer, this.local, {
      isAlone: () => roster.others.every(({ name }) => this.#roster.others.some((other) => other.name === name)),
      onChat: (chat) => {
        this.chat.receivedFormer(chat);
      },
    });
    successor.session.handTo(this.#sessionOwner());
    peer.handTo(this.#peerOwner());

    this.view.moved(ids, welcome.limits.viewTiles);
    this.files.attach(peer.file);
    successor.replayFiles();
    this.chat.moved(peer.chat, welcome.chat ?? [], successor.chats);
    this.events.emit('moved', ids);
    this.events.emit('participants', this.roster.others);
    this.events.emit('media', this.media);
    this.events.emit('speakers', this.#speakers);
    this.events.emit('state', this.session.state);
  }

  #iceServers(welcome: Welcome): readonly RTCIceServer[] {
    return [...(welcome.iceServers ?? []).map(iceServer), ...(this.#options.iceServers ?? [])];
  }

  async #negotiateFirst(peer: Peer): Promise<void> {
    try {
      await peer.negotiator.request();
    } catch (error) {
      if (this.#peer === peer && error instanceof HirobaError) {
        this.session.refused(error);
      }
      return;
    }
    if (this.#peer === peer) {
      peer.tellMuted();
      this.session.happened({ type: 'answered' });
    }
  }

  #dropMedia(): void {
    const had = this.media.length > 0;
    this.#closePeer();
    this.files.detach();
    this.#welcome = undefined;
    if (had) {
      this.events.emit('media', this.media);
    }
  }

  #closePeer(): void {
    const peer = this.#peer;
    if (peer) {
      const { peerConnections, offers, answers, iceRestarts } = this.counters;
      this.#closedPeers = { peerConnections, offers, answers, iceRestarts };
      this.#peer = undefined;
      this.#reporter.stop();
      this.local.detach(peer);
      peer.close();
    }
  }

  #noteFirstFrame(): void {
    const peer = this.#peer;
    if (!peer || peer.firstFrameNoted || !this.media.some((media) => media.playing)) {
      return;
    }
    peer.firstFrameNoted = true;
    const nowMs = performance.now();
    const peerConnectionMs = nowMs - peer.createdAtMs;
    const first = this.#timings.joinMs === undefined;
    const joinMs = this.#timings.joinMs ?? nowMs - this.#enteredAtMs;
    this.#timings = { joinMs, peerConnectionMs };
    this.#reporter.shown(first ? joinMs : peerConnectionMs);
    if (first) {
      this.events.emit('firstFrame', { joinMs, peerConnectionMs });
    }
  }

  #trackOf(mid: string): { participant: ParticipantId; source: Source } | undefined {
    const self = this.roster.self;
    const own = this.#peer?.publisher.sourceOf(mid);
    if (own) {
      return self && { participant: self.id, source: own };
    }
    return this.#peer?.seats.trackOf(mid);
  }
}

function iceServer({ urls, ...rest }: NonNullable<Welcome['iceServers']>[number]): RTCIceServer {
  return { urls: [...urls], ...rest };
}

function sendOptions(options: RoomOptions): SendOptions {
  const { videoCodec, screenVideoCodec = videoCodec, simulcast = true, scalabilityMode = 'L3T3_KEY' } = options;
  const { screenScalabilityMode, redundantAudio = true, dtx = true, logger } = options;
  return {
    cameraCodec: videoCodec,
    screenCodec: screenVideoCodec,
    simulcast,
    scalabilityMode,
    screenScalabilityMode,
    redundantAudio,
    dtx,
    logger,
  };
}
