import type { Room } from '@hiroba/sdk';
import type { Rgb } from './colour.ts';

/** What a tile shows. */
export interface Look {
  /** Whose it is, by its `data-name`. */
  readonly name: string;
  readonly source: string;
  readonly isSelf: boolean;
  /** `off`, `coming` or `playing`. */
  readonly picture: string;
  /** The colour in the middle of the video, as far as there is a picture that can be seen. */
  readonly rgb: Rgb | undefined;
}

/** A picture of somebody else under somebody's name. */
export interface WrongFace {
  readonly name: string;
  readonly rgb: Rgb;
  /** Since the tile said that its picture plays. */
  readonly afterMs: number;
}

/** What is heard of somebody. */
export interface Sound {
  /** The loudest frequency. */
  readonly hz: number;
  /** Its level in dBFS. */
  readonly level: number;
  /** Whether an audio element plays it. */
  readonly isPlayed: boolean;
}

/** Numbers of getStats() about one m-line that is received. */
export interface Inbound {
  readonly mid: string;
  readonly kind: string;
  readonly codec: string;
  readonly framesReceived: number;
  readonly framesDecoded: number;
  readonly framesDropped: number;
  readonly keyFramesDecoded: number;
  readonly freezeCount: number;
  readonly freezeSeconds: number;
  readonly pliCount: number;
  readonly packetsLost: number;
  readonly packetsReceived: number;
  /** Samples that were made up where sound was missing, but for those in silence. */
  readonly concealedSamples: number;
  readonly totalSamples: number;
  /** Packets of sound that were not needed: redundancy where nothing was lost. */
  readonly packetsDiscarded: number;
  /** What was negotiated for the m-line, the preferred codec first. */
  readonly codecs: readonly string[];
}

/** Numbers of getStats() about one m-line of sound that is sent. */
export interface SentSound {
  /** As in Inbound. */
  readonly codecs: readonly string[];
  readonly packets: number;
  readonly bytes: number;
}

/** How evenly the pictures of a tile came. */
export interface Flow {
  readonly name: string;
  readonly frames: number;
  readonly longestGapMs: number;
}

/** When things happened, by `performance.now()`. */
export interface Moments {
  /** The last click, as the browser dates it. */
  readonly clickMs: number;
  /** The last `new RTCPeerConnection`. */
  readonly connectionMs: number;
  /** The first picture of somebody else that was presented. */
  readonly pictureMs: number;
}

/** Looks at the app from inside the page, in place of the eyes and ears of a person. */
export interface Probe {
  look(): readonly Look[];
  /** From now on each tile is compared with its colour before each repaint. */
  watchFaces(colours: Readonly<Record<string, Rgb>>): void;
  stopWatching(): { readonly looks: number; readonly wrong: readonly WrongFace[] };
  /**
   * Presses a button and waits for exactly these people to be seen, each in their colour. Returns how long that took in
   * milliseconds; -1 when it took longer than `withinMs`.
   */
  press(label: string, colours: Readonly<Record<string, Rgb>>, withinMs: number): Promise<number>;
  /** Listens to everybody for a while. */
  listen(forMs: number): Promise<Readonly<Record<string, Sound>>>;
  inbound(): Promise<readonly Inbound[]>;
  sentSound(): Promise<readonly SentSound[]>;
  /** What media is encrypted with, by its name in the registry of SRTP protection profiles. */
  srtpCiphers(): Promise<readonly string[]>;
  /** How many pictures of one's own were sent. */
  framesSent(): Promise<number>;
  startFlow(): void;
  stopFlow(): readonly Flow[];
  moments(): Moments;
}

declare global {
  interface Window {
    probe: Probe;
    hiroba?: { readonly room: Room };
  }
}

/**
 * Runs in the page before anything else. It is sent as text, so it uses nothing from outside of itself.
 *
 * @param tolerance is how much two colours may differ in each component to be the same.
 */
export function installProbe(tolerance: number): void {
  const connections: RTCPeerConnection[] = [];
  let clickMs = NaN;
  let connectionMs = NaN;
  let pictureMs = NaN;

  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
      connectionMs = performance.now();
      pictureMs = NaN;
    }
  };
  document.addEventListener(
    'click',
    (event) => {
      clickMs = event.timeStamp;
    },
    { capture: true },
  );

  const tiles = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-testid=tile]')];
  const videoOf = (tile: HTMLElement): HTMLVideoElement | null => tile.querySelector('video');

  // The first picture of others.
  const seen = new WeakSet<HTMLVideoElement>();
  new MutationObserver(() => {
    for (const tile of tiles()) {
      const video = videoOf(tile);
      if (tile.dataset['self'] !== undefined || video === null || seen.has(video)) continue;
      seen.add(video);
      video.requestVideoFrameCallback(() => {
        if (Number.isNaN(pictureMs)) pictureMs = performance.now();
      });
    }
  }).observe(document, { childList: true, subtree: true });

  const canvas = document.createElement('canvas');
  canvas.width = 2;
  canvas.height = 2;
  const painter = canvas.getContext('2d', { willReadFrequently: true });

  const colourOf = (video: HTMLVideoElement | null): Rgb | undefined => {
    if (painter === null || video === null || video.readyState < 2 || video.videoWidth === 0) return undefined;
    const { videoWidth: width, videoHeight: height } = video;
    painter.clearRect(0, 0, 2, 2);
    painter.drawImage(video, width * 0.4, height * 0.4, width * 0.2, height * 0.2, 0, 0, 2, 2);
    const [red = 0, green = 0, blue = 0, alpha = 0] = painter.getImageData(0, 0, 1, 1).data;
    return alpha === 0 ? undefined : [red, green, blue];
  };

  const lookAt = (tile: HTMLElement): Look => {
    const { name = '', source = '', self, picture = '' } = tile.dataset;
    const video = videoOf(tile);
    const isVisible = video?.checkVisibility({ opacityProperty: true, visibilityProperty: true }) === true;
    const rgb = picture === 'playing' && isVisible ? colourOf(video) : undefined;
    return { name, source, isSelf: self !== undefined, picture, rgb };
  };

  const isSame = (a: Rgb, b: Rgb): boolean => a.every((level, i) => Math.abs(level - (b[i] ?? 0)) <= tolerance);

  const current = (): RTCPeerConnection | undefined =>
    connections.findLast(({ connectionState }) => connectionState !== 'closed');
  const statistics = async (): Promise<Record<string, unknown>[]> => {
    const connection = current();
    if (connection === undefined) return [];
    return [...(await connection.getStats()).values()] as Record<string, unknown>[];
  };
  const codecsOf = (end: RTCRtpSender | RTCRtpReceiver | undefined): string[] =>
    end?.getParameters().codecs.map(({ mimeType }) => mimeType) ?? [];

  const number = (stat: Record<string, unknown>, name: string): number => Number(stat[name] ?? 0);
  const text = (stat: Record<string, unknown> | undefined, name: string): string => {
    const value = stat?.[name];
    return typeof value === 'string' ? value : '';
  };

  let watching = 0;
  let looks = 0;
  let wrong: WrongFace[] = [];

  let flows = new Map<string, { frames: number; lastMs: number; longestGapMs: number }>();
  let flowing = 0;

  window.probe = {
    look: () => tiles().map(lookAt),

    watchFaces(colours) {
      cancelAnimationFrame(watching);
      looks = 0;
      wrong = [];
      const since = new Map<HTMLElement, number>();
      const watch = (): void => {
        const nowMs = performance.now();
        for (const tile of tiles()) {
          const { name, source, picture, rgb } = lookAt(tile);
          if (picture !== 'playing') since.delete(tile);
          else if (!since.has(tile)) since.set(tile, nowMs);
          const expected = colours[name];
          if (rgb === undefined || expected === undefined || source !== 'camera') continue;
          looks++;
          const afterMs = nowMs - (since.get(tile) ?? nowMs);
          if (!isSame(rgb, expected)) wrong.push({ name, rgb, afterMs });
        }
        watching = requestAnimationFrame(watch);
      };
      watching = requestAnimationFrame(watch);
    },

    stopWatching() {
      cancelAnimationFrame(watching);
      return { looks, wrong };
    },

    press(label, colours, withinMs) {
      const button = document.querySelector<HTMLElement>(`button[aria-label="${label}"]`);
      if (button === null) throw new Error(`no button "${label}"`);
      const startMs = performance.now();
      button.click();
      return new Promise((resolve) => {
        const wait = (): void => {
          const others = tiles()
            .map(lookAt)
            .filter(({ isSelf }) => !isSelf);
          const names = Object.keys(colours);
          const isRight =
            others.length === names.length &&
            others.every(({ name, rgb }) => {
              const expected = colours[name];
              return rgb !== undefined && expected !== undefined && isSame(rgb, expected);
            });
          const tookMs = performance.now() - startMs;
          if (isRight) resolve(tookMs);
          else if (tookMs > withinMs) resolve(-1);
          else requestAnimationFrame(wait);
        };
        requestAnimationFrame(wait);
      });
    },

    async srtpCiphers() {
      const transports = (await statistics()).filter(({ type }) => type === 'transport');
      return transports.map((transport) => text(transport, 'srtpCipher'));
    },

    async listen(forMs) {
      const room = window.hiroba?.room;
      if (room === undefined) throw new Error('not in a room');
      const context = new AudioContext();
      await context.resume();
      const ears = room.media
        .filter(({ source }) => source === 'camera')
        .map(({ participant, stream }) => {
          const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
          context.createMediaStreamSource(new MediaStream(stream.getAudioTracks())).connect(analyser);
          const name = room.participants.find(({ id }) => id === participant)?.name ?? participant;
          const isPlayed = [...document.querySelectorAll('audio')].some(
            (audio) => audio.srcObject === stream && !audio.paused && !audio.muted && audio.volume > 0,
          );
          return { name, analyser, isPlayed, loudest: new Float32Array(analyser.frequencyBinCount).fill(-200) };
        });
      const endMs = performance.now() + forMs;
      const bins = new Float32Array(4096);
      while (performance.now() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        for (const { analyser, loudest } of ears) {
          analyser.getFloatFrequencyData(bins);
          bins.forEach((level, i) => {
            loudest[i] = Math.max(loudest[i] ?? -200, level);
          });
        }
      }
      const { sampleRate } = context;
      await context.close();
      return Object.fromEntries(
        ears.map(({ name, loudest, isPlayed }) => {
          const level = Math.max(...loudest);
          return [name, { hz: Math.round((loudest.indexOf(level) * sampleRate) / 8192), level, isPlayed }];
        }),
      );
    },

    async framesSent() {
      return (await statistics())
        .filter((stat) => stat['type'] === 'outbound-rtp' && stat['kind'] === 'video')
        .reduce((sum, stat) => sum + Number(stat['framesSent'] ?? 0), 0);
    },

    async sentSound() {
      const [stats, transceivers] = [await statistics(), current()?.getTransceivers() ?? []];
      return stats
        .filter((stat) => stat['type'] === 'outbound-rtp' && stat['kind'] === 'audio')
        .map((stat) => ({
          codecs: codecsOf(transceivers.find(({ mid }) => mid === stat['mid'])?.sender),
          packets: number(stat, 'packetsSent'),
          bytes: number(stat, 'bytesSent'),
        }));
    },

    async inbound() {
      const [stats, transceivers] = [await statistics(), current()?.getTransceivers() ?? []];
      return stats
        .filter((stat) => stat['type'] === 'inbound-rtp')
        .map((stat) => ({
          mid: text(stat, 'mid'),
          kind: text(stat, 'kind'),
          codec: text(
            stats.find(({ id }) => id === stat['codecId']),
            'mimeType',
          ),
          framesReceived: number(stat, 'framesReceived'),
          framesDecoded: number(stat, 'framesDecoded'),
          framesDropped: number(stat, 'framesDropped'),
          keyFramesDecoded: number(stat, 'keyFramesDecoded'),
          freezeCount: number(stat, 'freezeCount'),
          freezeSeconds: number(stat, 'totalFreezesDuration'),
          pliCount: number(stat, 'pliCount'),
          packetsLost: number(stat, 'packetsLost'),
          packetsReceived: number(stat, 'packetsReceived'),
          concealedSamples: number(stat, 'concealedSamples') - number(stat, 'silentConcealedSamples'),
          totalSamples: number(stat, 'totalSamplesReceived'),
          packetsDiscarded: number(stat, 'packetsDiscarded'),
          codecs: codecsOf(transceivers.find(({ mid }) => mid === stat['mid'])?.receiver),
        }));
    },

    startFlow() {
      const run = ++flowing;
      flows = new Map();
      for (const tile of tiles()) {
        const video = videoOf(tile);
        const { name = '', self, source } = tile.dataset;
        if (self !== undefined || source !== 'camera' || video === null) continue;
        const flow = { frames: 0, lastMs: performance.now(), longestGapMs: 0 };
        flows.set(name, flow);
        const next = (nowMs: number): void => {
          if (run !== flowing) return;
          flow.frames++;
          flow.longestGapMs = Math.max(flow.longestGapMs, nowMs - flow.lastMs);
          flow.lastMs = nowMs;
          video.requestVideoFrameCallback(next);
        };
        video.requestVideoFrameCallback(next);
      }
    },

    stopFlow() {
      flowing++;
      const nowMs = performance.now();
      return [...flows].map(([name, { frames, lastMs, longestGapMs }]) => ({
        name,
        frames,
        // A picture that never came back is a gap until now.
        longestGapMs: Math.round(Math.max(longestGapMs, nowMs - lastMs)),
      }));
    },

    moments: () => ({ clickMs, connectionMs, pictureMs }),
  };
}
