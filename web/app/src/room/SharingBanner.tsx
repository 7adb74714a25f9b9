import { MonitorUp } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import type { ScreenShare } from '../call/screenShare.ts';

/** Says that one's screen is seen by others: nobody should forget that. */
export function SharingBanner({ screen }: { readonly screen: ScreenShare }): ReactNode {
  const { t } = useTranslation();
  if (useStore(screen.stream) === undefined) return null;
  return (
    <div className="banner banner-sharing" role="status">
      <MonitorUp aria-hidden />
      {t('room.sharing')}
      <Button className="text-button" onPress={() => void screen.stop()}>
        {t('room.stopScreen')}
      </Button>
    </div>
  );
}
