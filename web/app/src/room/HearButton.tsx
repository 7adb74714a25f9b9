import { Volume2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { AudioSink } from '../call/audioSink.ts';
import { useStore } from '../call/hooks.ts';

/** Browsers play no sound before a click; after a reload nobody has clicked yet. */
export function HearButton({ sound }: { readonly sound: AudioSink }): ReactNode {
  const { t } = useTranslation();
  if (!useStore(sound.blocked)) return null;
  return (
    <Button
      className="button button-primary hear"
      onPress={() => {
        sound.resume();
      }}
    >
      <Volume2 aria-hidden />
      {t('room.hear')}
    </Button>
  );
}
