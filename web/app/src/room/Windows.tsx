import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { DeviceSettings } from '../devices/DeviceSettings.tsx';
import { Window } from '../ui/Window.tsx';
import { InviteLink } from './Alone.tsx';
import { ShortcutList } from './ShortcutList.tsx';
import { Statistics } from './Statistics.tsx';

export type WindowName = 'shortcuts' | 'statistics' | 'invite' | 'devices';

interface WindowsProps {
  readonly call: Call;
  readonly open: WindowName | undefined;
  readonly onClose: () => void;
}

/** The dialogs of the room, at most one at a time. */
export function Windows({ call, open, onClose }: WindowsProps): ReactNode {
  const { t } = useTranslation();
  switch (open) {
    case 'shortcuts':
      return (
        <Window title={t('shortcuts.title')} onClose={onClose}>
          <ShortcutList />
        </Window>
      );
    case 'statistics':
      return (
        <Window title={t('statistics.title')} onClose={onClose} isWide>
          <Statistics call={call} />
        </Window>
      );
    case 'invite':
      return (
        <Window title={t('invite.title')} onClose={onClose}>
          <InviteLink roomName={call.roomName} />
        </Window>
      );
    case 'devices':
      return (
        <Window title={t('green.settings')} onClose={onClose}>
          <DeviceSettings media={call.media} />
        </Window>
      );
    case undefined:
      return null;
  }
}
