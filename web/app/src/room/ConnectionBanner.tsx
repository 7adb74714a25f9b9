import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useRoom } from '../call/hooks.ts';
import type { RoomClient } from '../call/roomClient.ts';
import { notices } from '../ui/notices.ts';

/** Says that the connection is lost, what still works, and when the next attempt comes. */
export function ConnectionBanner({ room }: { readonly room: RoomClient }): ReactNode {
  const { t } = useTranslation();
  const state = useRoom(room, 'state');
  const wasLost = useRef(false);
  const isLost = state.kind === 'reconnecting';
  useEffect(() => {
    if (wasLost.current && state.kind === 'joined') notices.show(t('connection.back'));
    wasLost.current = isLost;
  }, [isLost, state.kind, t]);

  if (!isLost) return null;
  return (
    <div className="banner" role="alert" data-testid="reconnecting">
      <span className="spinner" aria-hidden />
      {state.media === 'up' ? (
        t('connection.lostMediaUp')
      ) : (
        <Countdown key={state.retryAtMs} untilMs={state.retryAtMs} />
      )}
    </div>
  );
}

/** Counts down to a moment. It begins anew for another moment by its key. */
function Countdown({ untilMs }: { readonly untilMs: number }): ReactNode {
  const { t } = useTranslation();
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNowMs(Date.now());
    }, 500);
    return () => {
      clearInterval(timer);
    };
  }, []);
  const seconds = Math.ceil((untilMs - nowMs) / 1000);
  return seconds > 0 ? t('connection.retryIn', { count: seconds }) : t('connection.lost');
}
