import type { LocalMedia } from './local.ts';
import type { Peer } from './peer.ts';
import { parseServerMessage } from './protocol.ts';
import type { Chat, ServerMessage } from './protocol.ts';
import type { Session } from './session.ts';

/** Others may still look at us there: after they have come, they get so long to change over; and so long to come. */
const OTHERS_MS = 2000;
const LONGEST_MS = 10_000;
const LOOK_MS = 100;
/** How long the server may take to say goodbye. */
const BYE_MS = 800;

export interface FormerOwner {
  /** Whether everybody who was there is here, or gone. */
  isAlone(): boolean;
  /** Somebody there said something. */
  onChat(chat: Omit<Chat, 'type'>): void;
}

/**
 * The presence that we have moved away from. It goes on to send for those who have not moved yet, is neither seen nor
 * heard here, and then leaves.
 */
export class Former {
  readonly #session: Session;
  readonly #peer: Peer | undefined;
  readonly #local: LocalMedia;
  readonly #owner: FormerOwner;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #aloneSinceMs: number | undefined;
  #done = false;

  constructor(session: Session, peer: Peer | undefined, local: LocalMedia, owner: FormerOwner) {
    this.#session = session;
    this.#peer = peer;
    this.#local = local;
    this.#owner = owner;
    peer?.silence();
    peer?.handTo({
      send: (message) => session.send(message),
      isMuted: () => false,
      onMedia: () => undefined,
      onDoubt: () => undefined,
      onDown: () => undefined,
      onBack: () => undefined,
      onLost: () => {
        this.close();
      },
      onError: () => undefined,
    });
    if (peer) {
      peer.file.onmessage = null;
      peer.chat.onmessage = (event: MessageEvent<unknown>) => {
        const message = parseServerMessage(event.data);
        if (message) {
          this.#received(message);
        }
      };
    }
    session.handTo({
      onState: ({ kind }) => {
        if (kind !== 'joined') {
          this.close(); // nothing is taken up again here
        }
      },
      onWelcome: () => undefined,
      onMessage: (message) => {
        this.#received(message);
      },
      onStartMedia: () => undefined,
      onResumeMedia: () => undefined,
      onDropMedia: () => undefined,
    });
    this.#look(performance.now() + LONGEST_MS);
  }

  /** Leaves now. */
  close(): void {
    if (this.#done) {
      return;
    }
    this.#done = true;
    clearTimeout(this.#timer);
    const saidGoodbye = this.#session.send({ type: 'leave' });
    setTimeout(
      () => {
        this.#session.happened({ type: 'leave' });
        if (this.#peer) {
          this.#local.detach(this.#peer);
          this.#peer.close();
        }
      },
      saidGoodbye ? BYE_MS : 0,
    );
  }

  #look(untilMs: number): void {
    const nowMs = performance.now();
    this.#aloneSinceMs = this.#owner.isAlone() ? (this.#aloneSinceMs ?? nowMs) : undefined;
    if (nowMs >= untilMs || (this.#aloneSinceMs !== undefined && nowMs - this.#aloneSinceMs >= OTHERS_MS)) {
      this.close();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#look(untilMs);
    }, LOOK_MS);
  }

  #received(message: ServerMessage): void {
    if (message.type === 'chat') {
      this.#owner.onChat(message);
    } else {
      this.#peer?.received(message);
    }
  }
}
