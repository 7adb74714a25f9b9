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
  #peer: Peer | undefined;

  /** A source that is missing has no m-line yet; a value of null is muted. */
  get tracks(): LocalTracks {
    return this.#tracks;
  }

  /** The connection that changes go to. */
  attach(peer: Peer | undefined): void {
    this.#peer = peer;
  }

  /** Sends another track or, with null, nothing. Without a connection it is kept for the next one. */
  async set(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.#tracks.set(source, track);
    const peer = this.#peer;
    await peer?.publisher.replace(source, track);
    peer?.tellMuted();
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
    const peer = this.#peer;
    if (!peer || peer.publisher.has('screen')) {
      await this.set('screen_audio', audio);
      await this.set('screen', video);
      return;
    }
    // The first share makes both m-lines, so that later ones, with audio or without, need no offer.
    this.#tracks.set('screen_audio', audio);
    this.#tracks.set('screen', video);
    peer.publisher.add('screen_audio', audio);
    peer.publisher.add('screen', video);
    try {
      await peer.negotiator.request();
      peer.tellMuted();
    } catch (error) {
      // When the connection was replaced meanwhile, the new one has the screen from its start.
      if (this.#peer === peer) {
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
