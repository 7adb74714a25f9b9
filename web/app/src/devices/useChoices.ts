import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import { type Choice, choices } from './list.ts';
import type { LocalMedia } from './localMedia.ts';

/** The devices to choose from, in words. */
export function useChoices(media: LocalMedia): {
  readonly microphones: readonly Choice[];
  readonly cameras: readonly Choice[];
  readonly speakers: readonly Choice[];
} {
  const { t } = useTranslation();
  const { devices } = useStore(media);
  const list = (kind: MediaDeviceKind, name: 'microphone' | 'camera' | 'speaker'): readonly Choice[] =>
    choices(devices, kind, {
      defaultDevice: t('device.defaultDevice'),
      numbered: (number) => t('device.numbered', { kind: t(`device.${name}`), number }),
    });
  return {
    microphones: list('audioinput', 'microphone'),
    cameras: list('videoinput', 'camera'),
    speakers: list('audiooutput', 'speaker'),
  };
}
