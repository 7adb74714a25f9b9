import type { FileItem, Participant } from '@hiroba/sdk';
import i18next from 'i18next';
import type { Notices } from '../ui/notices.ts';
import { messageKey } from './chatLog.ts';
import type { RoomClient } from './roomClient.ts';
import { sends } from './tiles.ts';

/** Somebody who reloads the page goes and comes within this time: that is no news. */
const reloadMs = 3000;

/** What can be opened from a message. */
export interface NewsLinks {
  readonly openChat: () => void;
  /** Chat is in view, so its messages need no notice. */
  readonly isChatOpen: () => boolean;
}

/** Tells what happens in the room: who comes, goes, writes, offers a file, shares a screen. */
export function tellNews(room: RoomClient, notices: Notices, links: NewsLinks): () => void {
  const { t } = i18next;
  const open = { label: t('news.open'), run: links.openChat };
  const leaving = new Map<string, ReturnType<typeof setTimeout>>();
  const heard = new Set(room.chat.map(messageKey));
  const offered = new Set(room.files.map((file) => file.localId));
  let sharing = sharersOf(room.participants);

  const offs = [
    room.on('joined', ({ name }) => {
      const timer = leaving.get(name);
      if (timer === undefined) {
        notices.show(t('news.joined', { name }));
        return;
      }
      clearTimeout(timer);
      leaving.delete(name);
    }),
    room.on('left', ({ participant: { name }, reason }) => {
      const lost = reason === 'timeout' || reason === 'media_failed';
      const tell = (): void => {
        leaving.delete(name);
        notices.show(lost ? t('news.lost', { name }) : t('news.left', { name }));
      };
      clearTimeout(leaving.get(name));
      leaving.set(name, setTimeout(tell, reloadMs));
    }),
    room.on('participants', (participants) => {
      const now = sharersOf(participants);
      for (const [id, name] of now) if (!sharing.has(id)) notices.say(t('news.screenStarted', { name }));
      for (const [id, name] of sharing) if (!now.has(id)) notices.say(t('news.screenStopped', { name }));
      sharing = now;
    }),
    room.on('moved', () => {
      // The same people have other IDs, on another server.
      sharing = sharersOf(room.participants);
      for (const timer of leaving.values()) clearTimeout(timer);
      leaving.clear();
    }),
    room.on('chat', (messages) => {
      for (const message of messages) {
        const { from, name, text, state } = message;
        if (state !== 'sent' || heard.has(messageKey(message))) continue;
        heard.add(messageKey(message));
        if (from === room.self?.id) continue;
        const line = t('news.message', { name, text: text.length > 120 ? `${text.slice(0, 119)}…` : text });
        if (links.isChatOpen()) notices.say(line);
        else notices.show(line, { action: open });
      }
    }),
    room.on('files', (files) => {
      for (const file of files) {
        if (offered.has(file.localId)) continue;
        offered.add(file.localId);
        if (!file.own) tellFile(file);
      }
    }),
    room.on('error', ({ code, message }) => {
      notices.show(t('news.problem', { message: message === '' ? code : message }), { tone: 'problem' });
    }),
  ];
  const tellFile = (file: FileItem): void => {
    const line = t('news.fileOffered', { name: file.fromName, file: file.name });
    if (links.isChatOpen()) notices.say(line);
    else notices.show(line, { action: open });
  };
  return () => {
    for (const off of offs) off();
    for (const timer of leaving.values()) clearTimeout(timer);
  };
}

const sharersOf = (participants: readonly Participant[]): ReadonlyMap<string, string> =>
  new Map(participants.filter((one) => !one.isSelf && sends(one, 'screen')).map((one) => [one.id, one.name]));
