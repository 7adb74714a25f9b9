import { type ReactNode, useEffect, useLayoutEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import type { Entry } from '../call/chatLog.ts';
import { useStore } from '../call/hooks.ts';
import { Composer } from './Composer.tsx';
import { FileCard } from './FileCard.tsx';
import { Message } from './Message.tsx';
import { Panel } from './Panel.tsx';

/** Messages of one person within so many milliseconds stand under one name. */
const groupMs = 180_000;

function startsGroup(before: Entry | undefined, entry: Entry): boolean {
  if (entry.kind === 'file' || before?.kind !== 'message') return true;
  return before.message.name !== entry.message.name || entry.message.atMs - before.message.atMs > groupMs;
}

interface ChatPanelProps {
  readonly call: Call;
  readonly onAttach: () => void;
  readonly onClose: () => void;
}

/** What was said and offered to everybody. */
export function ChatPanel({ call, onAttach, onClose }: ChatPanelProps): ReactNode {
  const { t } = useTranslation();
  const entries = useStore(call.log.entries);
  const list = useRef<HTMLOListElement>(null);
  const isAtEnd = useRef(true);
  // The end stays in view, unless somebody has scrolled up to read.
  useLayoutEffect(() => {
    if (isAtEnd.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [entries]);
  // A picture that has loaded, or a keyboard that has opened, moves the end.
  useEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  return (
    <Panel title={t('chat.title')} onClose={onClose}>
      <ol
        className="chat"
        ref={list}
        // New lines are read out by the page's own live region, whether this panel is open or not.
        aria-label={t('chat.messages')}
        tabIndex={0}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40;
        }}
      >
        {entries.length === 0 && <li className="chat-empty">{t('chat.empty')}</li>}
        {entries.map((entry, i) =>
          entry.kind === 'message' ? (
            <Message
              key={entry.key}
              message={entry.message}
              isOwn={entry.isOwn}
              isFirst={startsGroup(entries[i - 1], entry)}
              onRetry={() => call.room.sendChat(entry.message.text)}
            />
          ) : (
            <FileCard key={entry.key} call={call} file={entry.file} />
          ),
        )}
      </ol>
      <Composer room={call.room} onAttach={onAttach} />
    </Panel>
  );
}
