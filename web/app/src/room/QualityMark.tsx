import type { ParticipantId } from '@hiroba/sdk';
import { type ReactNode, useCallback, useSyncExternalStore } from 'react';
import { Button, Tooltip, TooltipTrigger } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { StatsPoller } from '../call/statsPoller.ts';
import { notices } from '../ui/notices.ts';

interface QualityMarkProps {
  readonly stats: StatsPoller;
  readonly participant: ParticipantId;
}

/** Says that somebody's picture gets through badly, and what that means. A good connection is not worth a mark. */
export function QualityMark({ stats, participant }: QualityMarkProps): ReactNode {
  const { t } = useTranslation();
  const quality = useSyncExternalStore(
    stats.quality.subscribe,
    useCallback(() => stats.quality.state.get(participant), [stats, participant]),
  );
  if (quality === undefined || quality === 'good') return null;
  const text = t(`tile.quality.${quality}`);
  return (
    <TooltipTrigger delay={200}>
      <Button
        className="tile-quality"
        data-quality={quality}
        aria-label={text}
        // A finger has no hover.
        onPress={() => {
          notices.show(text);
        }}
      >
        <svg viewBox="0 0 14 12" aria-hidden>
          <rect x="0" y="8" width="3.5" height="4" rx="1" />
          <rect x="5.2" y="4.5" width="3.5" height="7.5" rx="1" opacity={quality === 'fair' ? 1 : 0.3} />
          <rect x="10.4" y="0" width="3.5" height="12" rx="1" opacity="0.3" />
        </svg>
      </Button>
      <Tooltip className="tooltip">{text}</Tooltip>
    </TooltipTrigger>
  );
}
