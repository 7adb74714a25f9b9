import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { useStore } from '../call/hooks.ts';
import type { Input } from '../devices/capture.ts';
import { notices } from '../ui/notices.ts';

/** Says what went wrong with a device during a call, with a way to try again. */
export function useDeviceNotices(call: Call): void {
  const { t } = useTranslation();
  const { microphone, camera } = useStore(call.media);

  useEffect(() => {
    const offs = [
      call.media.onLost((input) => {
        notices.show(t('news.deviceLost', { kind: t(`device.${input}`) }), { tone: 'problem' });
      }),
      call.screen.onFailure((failure) => {
        const words = failure === 'deniedBySystem' ? 'denied' : failure === 'unsupported' ? 'unsupported' : 'other';
        notices.show(t(`failure.screen.${words}`), { tone: 'problem' });
      }),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [call, t]);

  const tell = (input: Input, wanted: boolean, failure: typeof microphone.failure): void => {
    if (failure === undefined || !wanted) return;
    notices.show(t(`failure.${input}.${failure}`), {
      tone: 'problem',
      action: { label: t('device.retry'), run: () => void call.media.retry(input) },
    });
  };
  // Once for each new failure; what was already said in the green room is said once more, because now it matters.
  useEffect(() => {
    tell('microphone', microphone.wanted, microphone.failure);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a changed translation is no new failure
  }, [microphone.failure, microphone.wanted]);
  useEffect(() => {
    tell('camera', camera.wanted, camera.failure);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- likewise
  }, [camera.failure, camera.wanted]);
}
