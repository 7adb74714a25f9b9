import type { Chat } from './protocol.ts';
import type { ChatMessage, ParticipantId } from './types.ts';

/** What is put in a message that the server has not echoed yet: it sorts after all others. */
const UNSENT_SEQ = Number.MAX_SAFE_INTEGER;

type WireChat = Omit<Chat, 'type'>;

/**
 * What was said, in order. Messages may reach us twice (data channel, WebSocket, history after a reconnect): the
 * sequence number tells. The list is a new one after each change.
 */
export class ChatLog {
  #messages: readonly ChatMessage[] = [];

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Our own message, before the server has it. */
  say(id: string, from: ParticipantId, name: string, text: string, atMs: number): ChatMessage {
    const message: ChatMessage = { seq: UNSENT_SEQ, id, from, name, text, atMs, state: 'sending' };
    this.#messages = [...this.#messages, message];
    return message;
  }

  /** A message from the server. False if it was known. */
  add(chat: WireChat): boolean {
    return this.#insert(
      chat,
      chat.id === undefined ? undefined : this.#messages.find((message) => message.id === chat.id),
    );
  }

  /** The history of a welcome. Ours goes on in it, unless the server has forgotten what it once numbered. */
  merge(history: readonly WireChat[]): void {
    if (this.#restarted(history)) {
      this.restart();
    }
    for (const chat of history) {
      // What we said in an earlier session comes back without its mark, since we are somebody else now.
      this.#insert(
        chat,
        this.pending.find(({ id, name, text }) =>
          chat.id === undefined ? name === chat.name && text === chat.text : id === chat.id,
        ),
      );
    }
  }

  /** Something that was said at the place that we have moved away from. False if it was known. */
  addFormer(chat: WireChat): boolean {
    const sent = this.#messages.filter(isSent);
    if (sent.some(({ name, text, atMs }) => name === chat.name && text === chat.text && atMs === chat.at)) {
      return false;
    }
    const former = sent.filter(({ seq }) => seq <= 0).map((message) => ({ ...message, seq: message.seq - 1 }));
    const own = this.pending.find(({ id }) => id !== undefined && id === chat.id);
    this.#messages = [
      ...former,
      fromWire({ ...chat, seq: 0 }),
      ...sent.filter(({ seq }) => seq > 0),
      ...this.#messages.filter((message) => !isSent(message) && message !== own),
    ];
    return true;
  }

  /** What is known belongs to a former life of the room, which numbered anew. */
  restart(): void {
    const last = Math.max(0, ...this.#messages.filter(isSent).map((message) => message.seq));
    this.#messages = this.#messages.map((message) =>
      isSent(message) ? { ...message, seq: message.seq - last } : message,
    );
  }

  /** Those that wait for their echo. */
  get pending(): readonly ChatMessage[] {
    return this.#messages.filter((message) => message.state === 'sending');
  }

  /** False if there is no such message waiting. */
  fail(id: string): boolean {
    if (!this.pending.some((message) => message.id === id)) {
      return false;
    }
    this.#messages = this.#messages.map((message) => (message.id === id ? { ...message, state: 'failed' } : message));
    return true;
  }

  clear(): void {
    this.#messages = [];
  }

  /** Puts a message in its place, and takes `own`, of which it is the echo, away. False if it was known. */
  #insert(chat: WireChat, own: ChatMessage | undefined): boolean {
    const sent = this.#messages.filter((message) => message.state === 'sent');
    if (sent.some((message) => message.seq === chat.seq)) {
      return false;
    }
    // An echo takes the place of ours, which keeps its mark: a list by keys does not flicker.
    const pending = this.#messages.filter((message) => message.state !== 'sent' && message !== own);
    const echoed = fromWire(chat);
    this.#messages = [...insert(sent, own?.id === undefined ? echoed : { ...echoed, id: own.id }), ...pending];
    return true;
  }

  /** Whether the history belongs to another life of the room than what we have. */
  #restarted(history: readonly WireChat[]): boolean {
    const known = this.#messages.filter((message) => isSent(message) && message.seq > 0);
    const lastKnown = known.at(-1)?.seq ?? 0;
    if ((history.at(-1)?.seq ?? 0) < lastKnown) {
      return true;
    }
    return known.some(({ seq, atMs }) => history.some((chat) => chat.seq === seq && chat.at !== atMs));
  }
}

function isSent(message: ChatMessage): boolean {
  return message.state === 'sent';
}

function insert(messages: readonly ChatMessage[], message: ChatMessage): ChatMessage[] {
  const after = messages.findLastIndex((other) => other.seq < message.seq) + 1;
  return messages.toSpliced(after, 0, message);
}

function fromWire({ seq, id, from, name, text, at }: WireChat): ChatMessage {
  const message = { seq, from, name, text, atMs: at, state: 'sent' } as const;
  return id ? { ...message, id } : message;
}
