import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import { notices } from './notices.ts';

/** Shows the page's messages, and has each read out once without taking the focus. */
export function NoticeList(): ReactNode {
  const { t } = useTranslation();
  const shown = useStore(notices.shown);
  const spoken = useStore(notices.spoken);
  return (
    <>
      <div className="visually-hidden" role="status" aria-live="polite">
        {/* The key makes the same words a new message. */}
        <span key={spoken.id}>{spoken.text}</span>
      </div>
      {shown.length > 0 && (
        <section className="notices" aria-label={t('news.region')}>
          {shown.map(({ id, text, tone, action }) => (
            <div key={id} className="notice" data-tone={tone}>
              <span className="notice-text">{text}</span>
              {action !== undefined && (
                <Button
                  className="text-button"
                  onPress={() => {
                    action.run();
                    notices.dismiss(id);
                  }}
                >
                  {action.label}
                </Button>
              )}
              <Button
                className="icon-button icon-button-plain icon-button-small"
                aria-label={t('news.dismiss')}
                onPress={() => {
                  notices.dismiss(id);
                }}
              >
                <X aria-hidden />
              </Button>
            </div>
          ))}
        </section>
      )}
    </>
  );
}
