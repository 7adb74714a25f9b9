import type { Room, RoomOptions, RoomStats } from '@hiroba/sdk';

/** Numbers of getStats() about one picture that is received. */
export interface Picture {
  /** Whose it is. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly framesDecoded: number;
  readonly framesPerSecond: number;
  readonly freezeCount: number;
  readonly freezeSeconds: number;
  readonly keyFramesDecoded: number;
  readonly pliCount: number;
  readonly nackCount: number;
  readonly packetsLost: number;
  readonly codec: string;
}

/** Numbers of getStats() about one encoding of the pictures that are sent. */
export interface Sent {
  readonly rid: string;
  readonly active: boolean;
  readonly width: number;
  readonly height: number;
  readonly framesEncoded: number;
  readonly keyFramesEncoded: number;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly scalabilityMode: string;
  readonly limitation: string;
}

export interface JoinWish {
  readonly room: string;
  readonly name: string;
  readonly options: RoomOptions;
  /** The height of the camera's picture, which is 16:9; without one there is no camera and no microphone. */
  readonly camera?: number;
}

/** The SDK without the app: who is shown in which size is up to the test. */
export interface Bench {
  join(wish: JoinWish): Promise<void>;
  /** Shows these people in pictures of this height, in pixels; nobody else. */
  show(heights: Readonly<Record<string, number>>): void;
  received(): Promise<readonly Picture[]>;
  sent(): Promise<readonly Sent[]>;
  /** Bytes of sound sent so far. */
  soundSent(): Promise<number>;
  camera(on: boolean): Promise<void>;
  stats(): Promise<RoomStats>;
  /**
   * Shows somebody in another height and waits until their picture is high enough, and no higher than needed: more than
   * 0.6 and less than 1.5 of that, as an encoder takes a quarter away when it is short of time or bandwidth. In milliseconds;
   * -1 when it took longer than `withinMs`.
   */
  resize(name: string, height: number, withinMs: number): Promise<number>;
  /** Shows somebody who was hidden and waits for a picture. In milliseconds; -1 when it took longer than `withinMs`. */
  reveal(name: string, height: number, withinMs: number): Promise<number>;
  /** The longest time between two pictures of each that were presented since the last call. */
  gaps(): Readonly<Record<string, number>>;
  counters(): Room['counters'];
  /** From join() to the first decoded picture of somebody else; NaN until then. */
  firstPictureMs(): number;
  leave(): Promise<void>;
}

declare global {
  interface Window {
    sdk: { readonly Room: typeof Room };
    bench: Bench;
  }
}

/** Runs in the page after the SDK. It is sent as text, so it uses nothing from outside of itself. */
export function installBench(): void {
  type Stat = Record<string, unknown>;
  const connections: RTCPeerConnection[] = [];
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
    }
  };
  let room: Room | undefined;
  let cameraTrack: MediaStreamTrack | null = null;
  const videos = new Map<MediaStream, { element: HTMLVideoElement; lastMs: number; gapMs: number }>();

  const joined = (): Room => {
    if (!room) throw new Error('not in a room');
    return room;
  };
  const nameOf = (id: string): string => joined().participants.find((other) => other.id === id)?.name ?? id;
  const number = (stat: Stat, name: string): number => Number(stat[name] ?? 0);
  const text = (stat: Stat | undefined, name: string): string => {
    const value = stat?.[name];
    return typeof value === 'string' ? value : '';
  };
  const report = async (): Promise<Stat[]> => {
    const connection = connections.at(-1);
    return connection ? ([...(await connection.getStats()).values()] as Stat[]) : [];
  };

  /** Firefox says nothing of `mid` in a report of a receiver that never received; then the track tells. */
  const receivedBy = (stats: readonly Stat[], stream: MediaStream): Stat | undefined => {
    const connection = connections.at(-1);
    const transceiver = connection
      ?.getTransceivers()
      .find(({ receiver }) => receiver.track.kind === 'video' && stream.getTracks().includes(receiver.track));
    return stats.find(
      (stat) => stat['type'] === 'inbound-rtp' && stat['kind'] === 'video' && stat['mid'] === transceiver?.mid,
    );
  };

  const present = (stream: MediaStream): void => {
    if (videos.has(stream)) return;
    const element = document.createElement('video');
    element.muted = true;
    element.autoplay = true;
    element.srcObject = stream;
    document.body.append(element);
    const video = { element, lastMs: NaN, gapMs: 0 };
    videos.set(stream, video);
    const next = (nowMs: number): void => {
      if (!Number.isNaN(video.lastMs)) video.gapMs = Math.max(video.gapMs, nowMs - video.lastMs);
      video.lastMs = nowMs;
      element.requestVideoFrameCallback(next);
    };
    element.requestVideoFrameCallback(next);
  };

  /** Waits for a picture of somebody. In milliseconds; -1 when it took too long. */
  const wait = async (name: string, withinMs: number, isRight: (picture: Picture) => boolean): Promise<number> => {
    const startMs = performance.now();
    for (;;) {
      const picture = (await window.bench.received()).find((one) => one.name === name);
      const tookMs = performance.now() - startMs;
      if (picture && isRight(picture)) return Math.round(tookMs);
      if (tookMs > withinMs) return -1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  window.bench = {
    async join({ room: roomName, name, options, camera }) {
      const stream =
        camera === undefined
          ? undefined
          : await navigator.mediaDevices.getUserMedia({
              audio: true,
              video: { width: (camera * 16) / 9, height: camera, frameRate: 30 },
            });
      cameraTrack = stream?.getVideoTracks()[0] ?? null;
      room = new window.sdk.Room(options);
      room.on('media', (media) => {
        for (const one of media) present(one.stream);
      });
      await room.join({
        room: roomName,
        name,
        camera: cameraTrack,
        microphone: stream?.getAudioTracks()[0] ?? null,
      });
    },

    show(heights) {
      const tiles = joined().participants.flatMap(({ id, name }) => {
        const height = heights[name];
        return height === undefined
          ? []
          : [{ participant: id, source: 'camera' as const, width: Math.round((height * 16) / 9), height }];
      });
      joined().setView(tiles);
    },

    async received() {
      const stats = await report();
      return joined().media.flatMap(({ participant, source, stream }) => {
        const stat = source === 'camera' ? receivedBy(stats, stream) : undefined;
        if (!stat) return [];
        const codec = stats.find(({ id }) => id === stat['codecId']);
        return {
          name: nameOf(participant),
          width: number(stat, 'frameWidth'),
          height: number(stat, 'frameHeight'),
          framesDecoded: number(stat, 'framesDecoded'),
          framesPerSecond: number(stat, 'framesPerSecond'),
          freezeCount: number(stat, 'freezeCount'),
          freezeSeconds: number(stat, 'totalFreezesDuration'),
          keyFramesDecoded: number(stat, 'keyFramesDecoded'),
          pliCount: number(stat, 'pliCount'),
          nackCount: number(stat, 'nackCount'),
          packetsLost: number(stat, 'packetsLost'),
          codec: text(codec, 'mimeType'),
        };
      });
    },

    async sent() {
      const stats = await report();
      return stats
        .filter((stat) => stat['type'] === 'outbound-rtp' && stat['kind'] === 'video')
        .map((stat) => ({
          rid: text(stat, 'rid'),
          active: stat['active'] !== false,
          width: number(stat, 'frameWidth'),
          height: number(stat, 'frameHeight'),
          framesEncoded: number(stat, 'framesEncoded'),
          keyFramesEncoded: number(stat, 'keyFramesEncoded'),
          packetsSent: number(stat, 'packetsSent'),
          bytesSent: number(stat, 'bytesSent'),
          scalabilityMode: text(stat, 'scalabilityMode'),
          limitation: text(stat, 'qualityLimitationReason'),
        }));
    },

    async soundSent() {
      const stats = await report();
      return stats
        .filter((stat) => stat['type'] === 'outbound-rtp' && stat['kind'] === 'audio')
        .reduce((sum, stat) => sum + number(stat, 'bytesSent'), 0);
    },

    camera: (on) => joined().setCamera(on ? cameraTrack : null),

    stats: () => joined().stats(),

    resize(name, height, withinMs) {
      window.bench.show({ [name]: height });
      return wait(name, withinMs, (picture) => picture.height > height * 0.6 && picture.height < height * 1.5);
    },

    async reveal(name, height, withinMs) {
      const before = (await window.bench.received()).find((one) => one.name === name)?.framesDecoded ?? 0;
      window.bench.show({ [name]: height });
      return wait(name, withinMs, ({ framesDecoded }) => framesDecoded > before);
    },

    gaps() {
      const gaps = Object.fromEntries(
        joined().media.map(({ participant, stream }) => {
          const video = videos.get(stream);
          const sinceMs = performance.now() - (video?.lastMs ?? NaN);
          return [nameOf(participant), Math.round(Math.max(video?.gapMs ?? NaN, sinceMs))];
        }),
      );
      for (const video of videos.values()) video.gapMs = 0;
      return gaps;
    },

    counters: () => ({ ...joined().counters }),

    firstPictureMs: () => room?.timings.joinMs ?? NaN,

    async leave() {
      await joined().leave();
      room?.close();
      room = undefined;
    },
  };
}
