import { RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRoom } from '../call/hooks.ts';
import type { RoomClient } from '../call/roomClient.ts';

/** Says, while the call moves to another server, why something may flicker. Nobody has to do anything. */
export function MovingNote({ room }: { readonly room: RoomClient }): ReactNode {
  const { t } = useTranslation();
  if (!useRoom(room, 'moving')) return null;
  return (
    <div className="moving" role="status" data-testid="moving">
      <RefreshCw aria-hidden />
      {t('connection.moving')}
    </div>
  );
}
