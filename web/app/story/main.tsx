// Looking at the room without a server: /story/?people=12&screen=1&state=reconnecting&lang=ja, in "npm run dev" only.
// Nothing in this folder is part of the built app.
import '../src/styles/tokens.css';
import '../src/styles/base.css';
import '../src/styles/controls.css';
import i18next from 'i18next';
import { createRoot } from 'react-dom/client';
import { Call } from '../src/call/call.ts';
import { LocalMedia } from '../src/devices/localMedia.ts';
import { RoomPage } from '../src/room/RoomPage.tsx';
import { setUpTexts } from '../src/text/setup.ts';
import { NoticeList } from '../src/ui/NoticeList.tsx';
import { FakeRoom } from './fakeRoom.ts';

setUpTexts();
const query = new URLSearchParams(location.search);
void i18next.changeLanguage(query.get('lang') ?? 'en');
const room = new FakeRoom({
  others: Number(query.get('people') ?? '5') - 1,
  isSharing: query.get('screen') === '1',
  state:
    query.get('state') === 'reconnecting'
      ? { kind: 'reconnecting', attempt: 2, retryAtMs: Date.now() + 4000, media: 'down' }
      : { kind: 'joined' },
});
const media = new LocalMedia();
void media.open();
const call = new Call('kano-mibe-soru', room, media, { microphone: null, camera: null });
const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <>
      <RoomPage call={call} onLeave={() => undefined} />
      <NoticeList />
    </>,
  );
}
