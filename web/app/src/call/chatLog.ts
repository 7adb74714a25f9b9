import type { ChatMessage, FileItem } from '@hiroba/sdk';
import type { RoomClient } from './roomClient.ts';
import { State } from './state.ts';

/** One line of what was said and offered, in order. */
export type Entry =
  | { readonly kind: 'message'; readonly key: string; readonly isOwn: boolean; readonly message: ChatMessage }
  | { readonly kind: 'file'; readonly key: string; readonly isOwn: boolean; readonly file: FileItem };

/** Names a message for good. `seq` does not: after a restart of the server, what was before is counted anew. */
export const messageKey = ({ id, from, atMs, text }: ChatMessage): string => id ?? `${from}/${atMs}/${text}`;

/**
 * Puts files between the messages. A file has no time of its own: it stands behind the message that was the last one
 * when it was offered. `anchors` says which, by the file's `localId`; a missing one puts it at the beginning.
 */
export function mergeLog(
  chat: readonly ChatMessage[],
  files: readonly FileItem[],
  anchors: ReadonlyMap<string, string>,
  isOwn: (message: ChatMessage) => boolean,
): readonly Entry[] {
  const fileEntry = (file: FileItem): Entry => ({ kind: 'file', key: file.localId, isOwn: file.own, file });
  const keys = new Set(chat.map(messageKey));
  const placed = (file: FileItem): boolean => keys.has(anchors.get(file.localId) ?? '');
  return [
    ...files.filter((file) => !placed(file)).map(fileEntry),
    ...chat.flatMap((message): readonly Entry[] => {
      const key = messageKey(message);
      const behind = files.filter((file) => anchors.get(file.localId) === key).map(fileEntry);
      return [{ kind: 'message', key, isOwn: isOwn(message), message }, ...behind];
    }),
  ];
}

/** Keeps what was said and offered in the room as one list. */
export class ChatLog {
  readonly entries = new State<readonly Entry[]>([]);
  readonly #room: RoomClient;
  readonly #anchors = new Map<string, string>();
  readonly #known = new Set<string>();
  readonly #ownIds = new Set<string>();
  readonly #offs: readonly (() => void)[];

  constructor(room: RoomClient) {
    this.#room = room;
    const update = (): void => {
      this.#update();
    };
    this.#offs = [room.on('chat', update), room.on('files', update), room.on('state', update)];
    update();
  }

  close(): void {
    for (const off of this.#offs) off();
  }

  #update(): void {
    const { chat, files, self } = this.#room;
    // A fresh join gives another id; what was said before is still one's own.
    if (self !== undefined) this.#ownIds.add(self.id);
    const last = chat.at(-1);
    for (const { localId } of files) {
      if (this.#known.has(localId)) continue;
      this.#known.add(localId);
      if (last !== undefined) this.#anchors.set(localId, messageKey(last));
    }
    this.entries.set(mergeLog(chat, files, this.#anchors, (message) => this.#ownIds.has(message.from)));
  }
}
