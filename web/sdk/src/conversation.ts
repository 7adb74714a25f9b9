import { ChatLog } from './chat.ts';
import { newMark } from './mark.ts';
import { parseServerMessage } from './protocol.ts';
import type { Chat, ChatSend, ErrorMessage } from './protocol.ts';
import type { ChatMessage, Participant } from './types.ts';

/** How long a message may wait for its echo before it counts as failed. */
const ECHO_MS = 15_000;

export interface ConversationOwner {
  /** Over the WebSocket. */
  send(message: ChatSend): boolean;
  onChat(messages: readonly ChatMessage[]): void;
  onError(error: ErrorMessage): void;
}

/**
 * The room's chat: over the data channel while that is open, else over the WebSocket. Whatever loses a message, it is
 * sent again when the session goes on, until its echo has come.
 */
export class Conversation {
  readonly #owner: ConversationOwner;
  readonly #log = new ChatLog();
  /** What waits for its echo: until when, and on which channel it went out (none: the WebSocket). */
  readonly #waiting = new Map<string, { timer: ReturnType<typeof setTimeout>; channel: RTCDataChannel | undefined }>();
  #channel: RTCDataChannel | undefined;

  constructor(owner: ConversationOwner) {
    this.#owner = owner;
  }

  get messages(): readonly ChatMessage[] {
    return this.#log.messages;
  }

  /** Uses the chat channel of a new connection. */
  attach(channel: RTCDataChannel): void {
    this.#channel = channel;
    channel.onmessage = (event: MessageEvent<unknown>) => {
      const message = parseServerMessage(event.data);
      if (message?.type === 'chat') {
        this.received(message);
      } else if (message?.type === 'error') {
        this.#owner.onError(message);
      }
    };
  }

  say(self: Participant, text: string): ChatMessage {
    const id = newMark();
    const message = this.#log.say(id, self.id, self.name, text, Date.now());
    this.#deliver(id, text);
    this.#owner.onChat(this.messages);
    return message;
  }

  received(chat: Omit<Chat, 'type'>): void {
    if (this.#log.add(chat)) {
      this.#settle(chat.id);
      this.#owner.onChat(this.messages);
    }
  }

  /** The history of a welcome. What it has no echo of is said again. */
  welcomed(history: readonly Omit<Chat, 'type'>[]): void {
    this.#log.merge(history);
    for (const { id = '', text } of this.#log.pending) {
      const channel = this.#waiting.get(id)?.channel;
      if (channel === undefined || channel !== this.#channel || channel.readyState !== 'open') {
        this.#deliver(id, text);
      }
    }
    this.#owner.onChat(this.messages);
  }

  /** We have moved to another server, whose room has its own history. */
  moved(channel: RTCDataChannel, history: readonly Omit<Chat, 'type'>[], since: readonly Omit<Chat, 'type'>[]): void {
    this.attach(channel);
    this.#log.restart();
    this.welcomed(history);
    for (const chat of since) {
      this.received(chat);
    }
  }

  /** Somebody who has not moved yet said something. */
  receivedFormer(chat: Omit<Chat, 'type'>): void {
    if (this.#log.addFormer(chat)) {
      this.#settle(chat.id);
      this.#owner.onChat(this.messages);
    }
  }

  /** The server did not take our message. */
  refused(id: string): void {
    this.#settle(id);
    if (this.#log.fail(id)) {
      this.#owner.onChat(this.messages);
    }
  }

  /** Another room. */
  clear(): void {
    this.close();
    this.#log.clear();
    this.#owner.onChat(this.messages);
  }

  close(): void {
    for (const id of [...this.#waiting.keys()]) {
      this.#settle(id);
    }
  }

  #deliver(id: string, text: string): void {
    const message = { type: 'chat_send', id, text } as const;
    const channel = this.#channel?.readyState === 'open' ? this.#channel : undefined;
    if (channel) {
      channel.send(JSON.stringify(message));
    } else {
      this.#owner.send(message);
    }
    // Time runs from the first attempt.
    const timer =
      this.#waiting.get(id)?.timer ??
      setTimeout(() => {
        this.refused(id);
      }, ECHO_MS);
    this.#waiting.set(id, { timer, channel });
  }

  #settle(id: string | undefined): void {
    if (id !== undefined) {
      clearTimeout(this.#waiting.get(id)?.timer);
      this.#waiting.delete(id);
    }
  }
}
