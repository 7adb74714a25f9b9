import type { ChatMessage } from '@hiroba/sdk';
import { memo, type ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { findLinks } from './links.ts';

interface MessageProps {
  readonly message: ChatMessage;
  readonly isOwn: boolean;
  /** Whether it stands under a name and a time. */
  readonly isFirst: boolean;
  readonly onRetry: () => void;
}

/** One message. */
export const Message = memo(function Message({ message, isOwn, isFirst, onRetry }: MessageProps): ReactNode {
  const { t, i18n } = useTranslation();
  const { name, text, atMs, state } = message;
  const at = new Date(atMs);
  return (
    <li className="message" data-testid="chat-message" data-own={isOwn || undefined} data-state={state}>
      {isFirst && (
        <p className="message-head">
          <span className="message-name">{isOwn ? t('chat.you') : name}</span>
          <time dateTime={at.toISOString()}>{at.toLocaleTimeString(i18n.language, { timeStyle: 'short' })}</time>
        </p>
      )}
      <p className="message-text">
        {findLinks(text).map((piece, i) =>
          piece.kind === 'link' ? (
            <a key={i} href={piece.href} target="_blank" rel="noopener noreferrer">
              {piece.text}
            </a>
          ) : (
            piece.text
          ),
        )}
      </p>
      {state === 'sending' && <p className="message-state">{t('chat.sending')}</p>}
      {state === 'failed' && (
        <p className="message-state" role="alert">
          {t('chat.failed')}
          <Button className="text-button" onPress={onRetry}>
            {t('chat.retry')}
          </Button>
        </p>
      )}
    </li>
  );
});
