import type { ParticipantId } from '@hiroba/sdk';
import { SignalLow, SignalMedium } from 'lucide-react';
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
  const Icon = quality === 'fair' ? SignalMedium : SignalLow;
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
        <Icon aria-hidden />
      </Button>
      <Tooltip className="tooltip">{text}</Tooltip>
    </TooltipTrigger>
  );
}
