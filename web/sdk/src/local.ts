import { HirobaError } from './error.ts';
import type { Peer } from './peer.ts';
import type { LocalTracks } from './publisher.ts';
import type { Source } from './types.ts';

/**
 * What we send, or would send: it outlives connections, and each new one starts with it. Microphone and camera belong to
 * the page; the screen's stream is ours from `startScreen` on.
 */
export class LocalMedia {
  readonly #tracks = new Map<Source, MediaStreamTrack | null>();
  #screen: MediaStream | undefined;
  /** The connections that changes go to: two of them while we move. The first counts. */
  readonly #peers = new Set<Peer>();

  /** A source that is missing has no m-line yet; a value of null is muted. */
  get tracks(): LocalTracks {
    return this.#tracks;
  }

  /** Changes go to this connection, too. */
  attach(peer: Peer): void {
    this.#peers.add(peer);
  }

  detach(peer: Peer): void {
    this.#peers.delete(peer);
  }

  /** Sends another track or, with null, nothing. Without a connection it is kept for the next one. */
  async set(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.#tracks.set(source, track);
    await Promise.all(
      [...this.#peers].map(async (peer) => {
        await peer.publisher.replace(source, track);
        peer.tellMuted();
      }),
    );
  }

  async startScreen(stream: MediaStream): Promise<void> {
    const video = stream.getVideoTracks()[0];
    if (!video) {
      throw new HirobaError('wrong_state', 'the stream has no picture');
    }
    if (this.#screen !== stream) {
      stopTracks(this.#screen);
    }
    this.#screen = stream;
    video.addEventListener('ended', () => {
      if (this.#screen === stream) {
        void this.stopScreen();
      }
    });
    const audio = stream.getAudioTracks()[0] ?? null;
    await Promise.all([this.set('screen_audio', audio), this.set('screen', video)]);
    await Promise.all([...this.#peers].map((peer) => this.#addScreen(peer, audio, video)));
  }

  /** The first share makes both m-lines, so that later ones, with audio or without, need no offer. */
  async #addScreen(peer: Peer, audio: MediaStreamTrack | null, video: MediaStreamTrack): Promise<void> {
    if (peer.publisher.has('screen')) {
      return;
    }
    peer.publisher.add('screen_audio', audio);
    peer.publisher.add('screen', video);
    try {
      await peer.negotiator.request();
      peer.tellMuted();
    } catch (error) {
      // When the connection was replaced meanwhile, the new one has the screen from its start.
      if ([...this.#peers][0] === peer) {
        await this.stopScreen();
        throw error;
      }
    }
  }

  async stopScreen(): Promise<void> {
    stopTracks(this.#screen);
    this.#screen = undefined;
    if (this.#tracks.has('screen')) {
      await this.set('screen', null);
      await this.set('screen_audio', null);
    }
  }
}

function stopTracks(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) {
    track.stop();
  }
}
