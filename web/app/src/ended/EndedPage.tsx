import { type ReactNode, useEffect, useRef } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { navigate } from '../app/useAddress.ts';
import { en } from '../text/en.ts';
import { Mark } from '../ui/Mark.tsx';
import './ended.css';

type Known = Exclude<keyof typeof en.ended, 'title' | 'other' | 'again' | 'start'>;

const isKnown = (reason: string): reason is Known =>
  reason in en.ended && !['title', 'other', 'again', 'start'].includes(reason);

interface EndedPageProps {
  readonly room: string;
  readonly reason: string;
  readonly message: string;
  readonly onAgain: () => void;
}

/** What happened, and the way back. */
export function EndedPage({ room, reason, message, onAgain }: EndedPageProps): ReactNode {
  const { t } = useTranslation();
  const heading = useRef<HTMLHeadingElement>(null);
  // The page changed under the reader: say where they are now.
  useEffect(() => {
    heading.current?.focus();
  }, []);
  return (
    <main className="ended">
      <Mark />
      <h1 ref={heading} tabIndex={-1}>
        {reason === 'left' ? t('ended.left') : t('ended.title')}
      </h1>
      {reason !== 'left' && (
        <p>
          {isKnown(reason) ? t(`ended.${reason}`) : t('ended.other', { message: message === '' ? reason : message })}
        </p>
      )}
      <p className="ended-room">{room}</p>
      <div className="ended-actions">
        <Button className="button button-primary" onPress={onAgain} data-testid="rejoin">
          {t('ended.again')}
        </Button>
        <Button
          className="button"
          onPress={() => {
            navigate('/');
          }}
        >
          {t('ended.start')}
        </Button>
      </div>
    </main>
  );
}
