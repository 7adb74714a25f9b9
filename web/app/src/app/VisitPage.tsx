import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import { Visit } from '../call/visit.ts';
import { EndedPage } from '../ended/EndedPage.tsx';
import { GreenRoom } from '../green/GreenRoom.tsx';

// Loaded while somebody looks at themselves in the green room.
const loadRoom = async () => ({ default: (await import('../room/RoomPage.tsx')).RoomPage });
const RoomPage = lazy(loadRoom);

interface VisitPageProps {
  readonly room: string;
  readonly name: string | undefined;
  readonly auto: boolean;
}

/** One visit to a room: the green room, the room, the end. */
export function VisitPage({ room, name, auto }: VisitPageProps): ReactNode {
  const { t } = useTranslation();
  // The query is read once: it says how to begin, and nothing afterwards.
  const [visit] = useState(() => new Visit(room, { name, auto }));
  const state = useStore(visit);

  useEffect(() => {
    void loadRoom();
    visit.open();
    return () => {
      visit.close();
    };
  }, [visit]);

  useEffect(() => {
    document.title = `${room} · ${t('app.name')}`;
    return () => {
      document.title = t('app.name');
    };
  }, [room, t]);

  switch (state.kind) {
    case 'green':
    case 'joining':
      return <GreenRoom visit={visit} />;
    case 'in':
      return (
        <Suspense fallback={null}>
          <RoomPage
            call={state.call}
            onLeave={() => {
              visit.leave();
            }}
          />
        </Suspense>
      );
    case 'ended':
      return (
        <EndedPage
          room={room}
          reason={state.reason}
          message={state.message}
          onAgain={() => {
            visit.again();
          }}
        />
      );
  }
}
