import type { LocalMedia } from './local.ts';
import type { Sight } from './mover.ts';
import type { Peer } from './peer.ts';
import type { PeerOwner } from './peer.ts';
import type { Chat, ServerMessage, Welcome } from './protocol.ts';
import { parseServerMessage } from './protocol.ts';
import { Roster } from './roster.ts';
import { Session } from './session.ts';
import type { Logger, RemoteMedia, Speaker } from './types.ts';

export interface SuccessorOptions {
  readonly url: string;
  readonly room: string;
  readonly name: string;
  readonly local: LocalMedia;
  readonly logger: Logger | undefined;
  /** Makes the RTCPeerConnection, as for any welcome. */
  makePeer(welcome: Welcome, owner: PeerOwner): Peer;
}

/**
 * A second presence in the same room on another server, which nobody is shown until it is complete: it joins, sends what
 * we send, and receives. Then its parts take the place of the former ones.
 */
export class Successor {
  readonly session: Session;
  readonly roster = new Roster();
  /** What was said there since its welcome, in order. */
  readonly chats: Omit<Chat, 'type'>[] = [];
  speakers: readonly Speaker[] = [];
  welcome: Welcome | undefined;
  peer: Peer | undefined;
  /** What came over the channel for files before there was somebody to read it. */
  readonly #files: MessageEvent<unknown>[] = [];
  readonly #options: SuccessorOptions;

  constructor(options: SuccessorOptions) {
    this.#options = options;
    this.session = new Session(
      options.url,
      {
        onState: () => undefined,
        onWelcome: (welcome) => {
          this.welcome = welcome;
          this.roster.replace(welcome.self, welcome.participants ?? []);
          this.speakers = welcome.speakers ?? [];
        },
        onMessage: (message) => {
          this.#received(message);
        },
        onStartMedia: () => {
          void this.#startMedia();
        },
        onResumeMedia: () => {
          this.peer?.resumed();
        },
        onDropMedia: () => {
          this.#dropPeer();
        },
      },
      options.logger,
    );
  }

  join(): Promise<void> {
    const { room, name } = this.#options;
    return this.session.join(room, name, undefined);
  }

  /** Who is there, and who is seen there. */
  sight(): Sight {
    return sightOf(this.roster, this.peer?.media ?? []);
  }

  /** Hands on what came for files, to whoever listens to the channel now. */
  replayFiles(): void {
    for (const event of this.#files) {
      this.peer?.file.onmessage?.call(this.peer.file, event);
    }
  }

  /** Gives it up. */
  close(): void {
    this.session.send({ type: 'leave' });
    this.session.happened({ type: 'leave' });
    this.#dropPeer();
  }

  #dropPeer(): void {
    if (this.peer) {
      this.#options.local.detach(this.peer);
      this.peer.close();
      this.peer = undefined;
    }
  }

  async #startMedia(): Promise<void> {
    this.#dropPeer();
    const { welcome } = this;
    if (!welcome) {
      return;
    }
    const peer = this.#options.makePeer(welcome, {
      send: (message) => this.session.send(message),
      isMuted: (participant, source) => this.roster.isMuted(participant, source),
      onMedia: () => undefined,
      onDoubt: () => {
        this.session.probe();
      },
      onDown: () => {
        this.session.happened({ type: 'media_down' });
      },
      onBack: () => {
        this.session.happened({ type: 'media_back' });
      },
      onLost: () => {
        this.session.happened({ type: 'media_lost' });
      },
      onError: () => undefined,
    });
    this.peer = peer;
    peer.chat.onmessage = (event: MessageEvent<unknown>) => {
      const message = parseServerMessage(event.data);
      if (message?.type === 'chat') {
        this.chats.push(message);
      }
    };
    peer.file.onmessage = (event: MessageEvent<unknown>) => {
      this.#files.push(event);
    };
    this.#options.local.attach(peer);
    try {
      await peer.negotiator.request();
    } catch {
      this.session.happened({ type: 'media_lost' });
      return;
    }
    if (this.peer === peer) {
      peer.tellMuted();
      this.session.happened({ type: 'answered' });
    }
  }

  #received(message: ServerMessage): void {
    switch (message.type) {
      case 'joined':
        this.roster.add(message.participant);
        break;
      case 'left':
        this.roster.remove(message.participant);
        break;
      case 'updated':
        this.roster.update(message.participant);
        break;
      case 'speakers':
        this.speakers = message.speakers ?? [];
        break;
      case 'chat':
        this.chats.push(message);
        break;
      default:
        this.peer?.received(message);
        return;
    }
    this.peer?.updateMedia();
  }
}

/** What a roster and the seats show. */
export function sightOf(roster: Roster, media: readonly RemoteMedia[]): Sight {
  const seen = media.flatMap(({ participant, source, playing }) => {
    const name = source === 'camera' && playing ? roster.find(participant)?.name : undefined;
    return name === undefined ? [] : [name];
  });
  return { names: new Set(roster.others.map(({ name }) => name)), seen: new Set(seen) };
}
