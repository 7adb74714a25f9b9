import type {
  ChatMessage,
  FileItem,
  Participant,
  RemoteMedia,
  RoomEvents,
  RoomState,
  RoomStats,
  Speaker,
  Track,
} from '@hiroba/sdk';
import type { RoomClient } from '../src/call/roomClient.ts';
import { fakeCamera, fakeScreen } from './fakeStream.ts';

const names = [
  'Ben',
  'Aiko Tanaka',
  '山田 太郎',
  'Dana',
  'Maximilian Bartholomew Featherstonehaugh-Cholmondeley the Third of Somewhere',
  'Chen Wei',
  'Élodie',
  'Olu',
  'Priya Raman',
  'さくら',
  'Jean-Luc',
  'Noor',
];

/** What a story shows. */
export interface Cast {
  /** How many others there are. */
  readonly others: number;
  /** Whether the first of them shares a screen. */
  readonly isSharing: boolean;
  readonly state: RoomState;
}

const track = (source: Track['source'], muted: boolean): Track => ({ source, csrc: 1, muted });

function person(i: number, isSharing: boolean): Participant {
  const name = names[i % names.length] ?? '';
  // Every fourth has no camera, every third is silent.
  const tracks = [track('microphone', i % 3 === 2), track('camera', i % 4 === 3)];
  return {
    id: `p${i}`,
    name: i < names.length ? name : `${name} ${Math.floor(i / names.length) + 1}`,
    joinedAtMs: i,
    isSelf: false,
    tracks: isSharing && i === 0 ? [...tracks, track('screen', false)] : tracks,
  };
}

/** Plays a room without a server, for looking at the app. It does nothing but hold still, or speak. */
export class FakeRoom implements RoomClient {
  readonly state: RoomState;
  readonly self: Participant = { id: 'me', name: 'Miho', joinedAtMs: 0, isSelf: true, tracks: [] };
  readonly session = 'story';
  readonly participants: readonly Participant[];
  readonly media: readonly RemoteMedia[];
  readonly limits = undefined;
  readonly moving = false;
  readonly counters = { offers: 1, answers: 1, reconnects: 0, iceRestarts: 0, peerConnections: 1, seats: 8 };
  readonly timings = { joinMs: 412, peerConnectionMs: 140 };
  speakers: readonly Speaker[] = [];
  chat: readonly ChatMessage[];
  files: readonly FileItem[];
  readonly #listeners = new Map<keyof RoomEvents, Set<(event: never) => void>>();

  constructor({ others, isSharing, state }: Cast) {
    this.state = state;
    this.participants = Array.from({ length: others }, (_, i) => person(i, isSharing));
    this.media = this.participants.flatMap((one, i): readonly RemoteMedia[] => {
      const isComing = i % 8 === 5;
      const base = { participant: one.id, hasVideo: true, playing: !isComing };
      const camera = i % 4 === 3 ? [] : [{ ...base, source: 'camera' as const, stream: fakeCamera(one.name) }];
      return isSharing && i === 0 ? [...camera, { ...base, source: 'screen' as const, stream: fakeScreen() }] : camera;
    });
    this.chat = others === 0 ? [] : conversation;
    this.files = others === 0 ? [] : files;
    setInterval(() => {
      const now = performance.now() / 1000;
      const speaker = this.participants[Math.floor(now / 4) % Math.max(1, Math.min(3, others))];
      const level = 0.4 + 0.4 * Math.abs(Math.sin(now * 5));
      this.speakers = speaker === undefined ? [] : [{ participant: speaker.id, level }];
      this.#emit('speakers', this.speakers);
    }, 150);
  }

  on<K extends keyof RoomEvents>(type: K, listener: (event: RoomEvents[K]) => void): () => void {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set.add(listener));
    return () => set.delete(listener);
  }

  join = (): Promise<void> => Promise.resolve();
  leave = (): Promise<void> => Promise.resolve();
  close = (): void => undefined;
  mediaOf = (): undefined => undefined;
  setView = (): void => undefined;
  setMicrophone = (): Promise<void> => Promise.resolve();
  setCamera = (): Promise<void> => Promise.resolve();
  startScreen = (): Promise<void> => Promise.resolve();
  stopScreen = (): Promise<void> => Promise.resolve();
  acceptFile = (): void => undefined;
  cancelFile = (): void => undefined;

  sendChat(text: string): ChatMessage {
    const seq = this.chat.length + 1;
    const message = { seq, id: `own${seq}`, from: 'me', name: 'Miho', text, atMs: Date.now(), state: 'sent' as const };
    this.chat = [...this.chat, message];
    this.#emit('chat', this.chat);
    return message;
  }

  offerFile(file: File): FileItem {
    const item = { ...ownFile, localId: `own${this.files.length}`, name: file.name, size: file.size, transfers: [] };
    this.files = [...this.files, item];
    this.#emit('files', this.files);
    return item;
  }

  stats(): Promise<RoomStats> {
    return Promise.resolve({
      atMs: Date.now(),
      connection: {
        rttMs: 23,
        localCandidateType: 'host',
        protocol: 'udp',
        availableOutgoingBitrate: 2.4e6,
        bitsPerSecondReceived: 3e6,
        bitsPerSecondSent: 1.6e6,
      },
      tracks: this.media.map(({ participant, source }, i) => ({
        participant,
        source,
        direction: 'receive' as const,
        bitsPerSecond: 480_000 + i * 31_000,
        codec: 'video/VP8',
        width: 640,
        height: 360,
        framesPerSecond: 30,
        packetsLost: i === 1 ? Math.round(performance.now() / 20) : 0,
        freezeCount: i === 2 ? Math.round(performance.now() / 900) : 0,
        jitterBufferMs: 38,
      })),
    });
  }

  #emit<K extends keyof RoomEvents>(type: K, event: RoomEvents[K]): void {
    for (const listener of this.#listeners.get(type) ?? []) (listener as (event: RoomEvents[K]) => void)(event);
  }
}

const say = (seq: number, name: string, from: string, text: string): ChatMessage => ({
  seq,
  from,
  name,
  text,
  atMs: Date.UTC(2026, 3, 6, 9, seq),
  state: 'sent',
});

const conversation: readonly ChatMessage[] = [
  say(1, 'Ben', 'p0', 'Good morning! The plan is at https://example.org/plan/2026-04?view=week.'),
  say(2, 'Ben', 'p0', 'Please have a look before we start.'),
  say(3, 'Aiko Tanaka', 'p1', 'おはようございます。先ほどの資料を送りますね。'),
  say(4, 'Miho', 'me', 'Thank you, reading it now.'),
];

const ownFile: FileItem = {
  file: 3,
  localId: 'f3',
  own: true,
  from: 'me',
  fromName: 'Miho',
  name: 'photo of the square.jpg',
  size: 4_812_345,
  mime: 'image/jpeg',
  transfers: [
    { transfer: 1, peer: 'p0', bytes: 4_812_345, bytesPerSecond: 0, state: 'done' },
    { transfer: 2, peer: 'p1', bytes: 2_012_345, bytesPerSecond: 912_000, state: 'running' },
  ],
  state: 'offered',
};

const files: readonly FileItem[] = [
  {
    ...ownFile,
    file: 1,
    localId: 'f1',
    own: false,
    from: 'p1',
    fromName: 'Aiko Tanaka',
    name: '資料 第2版.pdf',
    size: 1_204_000,
    mime: 'application/pdf',
    transfers: [],
  },
  ownFile,
];
