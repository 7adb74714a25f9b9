import { Emitter } from './emitter.ts';
import { HirobaError } from './error.ts';
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
  Speaker,
  Tile,
  Timings,
  VideoSource,
} from './types.ts';

/** The events of a `Room`. Each carries the new value of the property of the same name, or what happened. */
export interface RoomEvents {
  state: RoomState;
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
  /** The first picture of somebody else was decoded. */
  firstFrame: { readonly joinMs: number; readonly peerConnectionMs: number };
}

/** One person's presence in one room (skeleton: the implementation follows). */
export class Room {
  readonly #events = new Emitter<RoomEvents>();

  constructor(_options: RoomOptions = {}) {}

  on<K extends keyof RoomEvents>(type: K, listener: (event: RoomEvents[K]) => void): () => void {
    return this.#events.on(type, listener);
  }

  get state(): RoomState {
    return { kind: 'idle' };
  }
  get self(): Participant | undefined {
    return undefined;
  }
  get session(): string | undefined {
    return undefined;
  }
  get participants(): readonly Participant[] {
    return [];
  }
  get media(): readonly RemoteMedia[] {
    return [];
  }
  get speakers(): readonly Speaker[] {
    return [];
  }
  get chat(): readonly ChatMessage[] {
    return [];
  }
  get files(): readonly FileItem[] {
    return [];
  }
  get limits(): Limits | undefined {
    return undefined;
  }
  get counters(): Counters {
    return { offers: 0, answers: 0, reconnects: 0, peerConnections: 0, seats: 0 };
  }
  get timings(): Timings {
    return {};
  }

  join(_options: JoinOptions): Promise<void> {
    return Promise.reject(todo());
  }
  leave(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {
    this.#events.clear();
  }

  mediaOf(_participant: ParticipantId, _source: VideoSource): RemoteMedia | undefined {
    return undefined;
  }
  setView(_tiles: readonly Tile[]): void {
    throw todo();
  }
  setMicrophone(_track: MediaStreamTrack | null): Promise<void> {
    return Promise.reject(todo());
  }
  setCamera(_track: MediaStreamTrack | null): Promise<void> {
    return Promise.reject(todo());
  }
  startScreen(_stream: MediaStream): Promise<void> {
    return Promise.reject(todo());
  }
  stopScreen(): Promise<void> {
    return Promise.reject(todo());
  }
  sendChat(_text: string): ChatMessage {
    throw todo();
  }
  offerFile(_file: File | Blob, _name?: string): FileItem {
    throw todo();
  }
  acceptFile(_file: number): void {
    throw todo();
  }
  cancelFile(_file: number, _transfer?: number): void {
    throw todo();
  }
  stats(): Promise<RoomStats> {
    return Promise.reject(todo());
  }
}

function todo(): HirobaError {
  return new HirobaError('wrong_state', 'not there yet');
}
