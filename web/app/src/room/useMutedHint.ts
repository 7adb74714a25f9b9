import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import { watchLevel } from '../devices/level.ts';
import type { LocalMedia } from '../devices/localMedia.ts';
import { notices } from '../ui/notices.ts';

/** About as loud as somebody who talks to the others, and not to the dog. */
const talkingLevel = 0.5;
/** So many loud readings more than quiet ones: about half a second of talk. */
const enough = 9;

/** Tells somebody who talks while muted that nobody hears it: once for each time of being muted. */
export function useMutedHint(media: LocalMedia): void {
  const { t } = useTranslation();
  const { microphone } = useStore(media);
  const track = microphone.wanted ? undefined : microphone.track;
  useEffect(() => {
    if (track === undefined || track.readyState === 'ended') return undefined;
    let loud = 0;
    const stop = watchLevel(track, (level) => {
      loud = Math.max(0, loud + (level > talkingLevel ? 1 : -1));
      if (loud < enough) return;
      stop();
      notices.show(t('room.talkingWhileMuted'));
    });
    return stop;
  }, [track, t]);
}
