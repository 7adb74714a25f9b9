import { useState } from 'react';
import type { ChatLog } from '../call/chatLog.ts';
import { useStore } from '../call/hooks.ts';

/** How many messages and files of others came while the chat was closed. What was there before one came is not new. */
export function useUnread(log: ChatLog, isOpen: boolean): number {
  const fromOthers = useStore(log.entries).reduce((count, entry) => count + (entry.isOwn ? 0 : 1), 0);
  const [read, setRead] = useState(fromOthers);
  if (isOpen && read !== fromOthers) setRead(fromOthers);
  return isOpen ? 0 : Math.max(0, fromOthers - read);
}
