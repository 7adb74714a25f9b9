import { Volume2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import { Choose } from '../ui/Choose.tsx';
import { playTestSound } from './level.ts';
import type { LocalMedia } from './localMedia.ts';
import { useChoices } from './useChoices.ts';

/** Which microphone, camera, and speaker are used. */
export function DeviceSettings({ media }: { readonly media: LocalMedia }): ReactNode {
  const { t } = useTranslation();
  const { microphone, camera, speakerId } = useStore(media);
  const { microphones, cameras, speakers } = useChoices(media);
  return (
    <section className="devices" aria-label={t('green.settings')}>
      <Choose
        label={t('device.camera')}
        options={cameras}
        value={camera.deviceId}
        onChange={(id) => void media.choose('camera', id)}
        none={t('device.none')}
      />
      <Choose
        label={t('device.microphone')}
        options={microphones}
        value={microphone.deviceId}
        onChange={(id) => void media.choose('microphone', id)}
        none={t('device.none')}
      />
      {speakers.length > 0 && (
        <Choose
          label={t('device.speaker')}
          options={speakers}
          value={speakerId}
          onChange={(id) => {
            media.chooseSpeaker(id);
          }}
        />
      )}
      <Button className="text-button devices-test" onPress={() => void playTestSound(speakerId)}>
        <Volume2 aria-hidden />
        {t('green.testSound')}
      </Button>
    </section>
  );
}
