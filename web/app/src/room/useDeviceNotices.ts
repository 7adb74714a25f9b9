import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import type { ScreenShare } from '../call/screenShare.ts';
import type { Input } from '../devices/capture.ts';
import type { LocalMedia } from '../devices/localMedia.ts';
import { notices } from '../ui/notices.ts';

/** Says what goes wrong with a device during a call, with a way to try again. */
export function useDeviceNotices(media: LocalMedia, screen: ScreenShare): void {
  const { t } = useTranslation();
  useFailureNotice(media, 'microphone');
  useFailureNotice(media, 'camera');
  useEffect(() => {
    const offs = [
      media.onLost((input) => {
        notices.show(t('news.deviceLost', { kind: t(`device.${input}`) }), { tone: 'problem' });
      }),
      screen.onFailure((failure) => {
        const words = failure === 'deniedBySystem' ? 'denied' : failure === 'unsupported' ? 'unsupported' : 'other';
        notices.show(t(`failure.screen.${words}`), { tone: 'problem' });
      }),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [media, screen, t]);
}

function useFailureNotice(media: LocalMedia, input: Input): void {
  const { t } = useTranslation();
  const state = useStore(media)[input];
  const failure = state.wanted ? state.failure : undefined;
  // What the green room has said already is not said again.
  const told = useRef(failure);
  useEffect(() => {
    if (failure === told.current) return;
    told.current = failure;
    if (failure === undefined) return;
    notices.show(t(`failure.${input}.${failure}`), {
      tone: 'problem',
      action: { label: t('device.retry'), run: () => void media.retry(input) },
    });
  }, [media, input, failure, t]);
}
