import { Check, Copy, Share2 } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { roomPath } from '../app/route.ts';
import { QrCode } from './QrCode.tsx';

/** The link that others come in by. */
export const roomLink = (roomName: string): string => location.origin + roomPath(roomName);

/** The link of the room, with what one does with it. */
export function InviteLink({ roomName }: { readonly roomName: string }): ReactNode {
  const { t } = useTranslation();
  const link = roomLink(roomName);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => {
      setCopied(false);
    }, 2000);
    return () => {
      clearTimeout(timer);
    };
  }, [isCopied]);
  const copy = async (): Promise<void> => {
    setCopied(await copyText(link));
  };
  return (
    <div className="invite">
      <QrCode text={link} label={t('alone.qr')} />
      <div className="invite-side">
        <input
          className="invite-link"
          readOnly
          value={link}
          aria-label={t('alone.link')}
          data-testid="invite-link"
          onFocus={(event) => {
            event.target.select();
          }}
        />
        <div className="invite-actions">
          <Button className="button button-primary" onPress={() => void copy()}>
            {isCopied ? <Check aria-hidden /> : <Copy aria-hidden />}
            <span aria-live="polite">{isCopied ? t('alone.copied') : t('alone.copy')}</span>
          </Button>
          {'share' in navigator && (
            <Button className="button" onPress={() => void navigator.share({ url: link }).catch(() => undefined)}>
              <Share2 aria-hidden />
              {t('alone.share')}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

/** Copies a text; false where the page may not (an insecure page). */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** What one sees while nobody else is there. */
export function Alone({ roomName }: { readonly roomName: string }): ReactNode {
  const { t } = useTranslation();
  return (
    <section className="alone" aria-labelledby="alone-title">
      <h2 id="alone-title">{t('alone.title')}</h2>
      <p>{t('alone.text')}</p>
      <InviteLink roomName={roomName} />
    </section>
  );
}
