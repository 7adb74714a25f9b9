import { type ComponentType, lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { useStore } from '../call/hooks.ts';
import { Visit } from '../call/visit.ts';
import { EndedPage } from '../ended/EndedPage.tsx';
import { GreenRoom } from '../green/GreenRoom.tsx';

type RoomPage = ComponentType<{ readonly call: Call; readonly onLeave: () => void }>;

/** The room once it is loaded, which happens while somebody looks at themselves in the green room. */
let loadedRoom: RoomPage | undefined;

const loadRoom = async (): Promise<{ default: RoomPage }> => {
  const { RoomPage } = await import('../room/RoomPage.tsx');
  loadedRoom = RoomPage;
  return { default: RoomPage };
};

/** For who is quicker than that. A lazy component is not shown for 300 ms, even if all of it is there. */
const LazyRoom = lazy(loadRoom);

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
    case 'in': {
      const RoomPage = loadedRoom ?? LazyRoom;
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
    }
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
