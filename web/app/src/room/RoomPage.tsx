import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { offerFiles } from '../call/fileSaver.ts';
import { useRoom, useStore } from '../call/hooks.ts';
import { tellNews } from '../call/news.ts';
import { isSelfView, type SelfView } from '../call/tiles.ts';
import { readSetting, writeSetting } from '../memory/settings.ts';
import { ChatPanel } from '../panel/ChatPanel.tsx';
import { PeoplePanel } from '../panel/PeoplePanel.tsx';
import { useUnread } from '../panel/useUnread.ts';
import { notices } from '../ui/notices.ts';
import { ConnectionBanner } from './ConnectionBanner.tsx';
import { DropTarget } from './DropTarget.tsx';
import { Floor } from './Floor.tsx';
import { HearButton } from './HearButton.tsx';
import { MovingNote } from './MovingNote.tsx';
import { SharingBanner } from './SharingBanner.tsx';
import { Toolbar } from './Toolbar.tsx';
import { useDeviceNotices } from './useDeviceNotices.ts';
import { useFullscreen } from './useFullscreen.ts';
import { useMutedHint } from './useMutedHint.ts';
import { useShortcuts } from './useShortcuts.ts';
import { type WindowName, Windows } from './Windows.tsx';
import './room.css';
import '../panel/panel.css';

export type Panel = 'chat' | 'people';

/** The room: people in the middle, a panel when wanted, the controls below. */
export function RoomPage({ call, onLeave }: { readonly call: Call; readonly onLeave: () => void }): ReactNode {
  const { t } = useTranslation();
  const [panel, setPanel] = useState<Panel>();
  const [openWindow, setOpenWindow] = useState<WindowName>();
  const [selfView, setSelfView] = useSelfView();
  const fullscreen = useFullscreen();
  const unread = useUnread(call.log, panel === 'chat');
  const participants = useRoom(call.room, 'participants');
  const connection = useRoom(call.room, 'state');
  const isStalled = connection.kind === 'reconnecting' && connection.media === 'down';
  const screen = useStore(call.screen.stream);
  const fileInput = useRef<HTMLInputElement>(null);
  useDeviceNotices(call.media, call.screen);
  useMutedHint(call.media);
  useTitle(call.roomName, unread);

  const toggle = useCallback((which: Panel) => {
    setPanel((open) => (open === which ? undefined : which));
  }, []);

  const openChat = useCallback(() => {
    setPanel('chat');
  }, []);
  const isChatOpen = useRef(false);
  useEffect(() => {
    isChatOpen.current = panel === 'chat';
    if (isChatOpen.current) notices.dismissAction(openChat);
  }, [panel, openChat]);
  useEffect(() => tellNews(call.room, notices, { openChat, isChatOpen: () => isChatOpen.current }), [call, openChat]);

  const offer = useCallback(
    (files: readonly File[]) => {
      if (files.length === 0) return;
      offerFiles(call.room, files, notices);
      setPanel('chat');
    },
    [call],
  );

  const actions = useMemo(
    () => ({
      microphone: () => void call.media.set('microphone', !call.media.state.microphone.wanted),
      camera: () => void call.media.set('camera', !call.media.state.camera.wanted),
      screen: () => void call.screen.toggle(),
      chat: () => {
        toggle('chat');
      },
      people: () => {
        toggle('people');
      },
      fullscreen: fullscreen.toggle,
      help: () => {
        setOpenWindow('shortcuts');
      },
      close: () => {
        setPanel(undefined);
      },
      talk: (on: boolean) => {
        call.media.talk(on);
      },
      isMuted: () => !call.media.state.microphone.wanted,
    }),
    [call, toggle, fullscreen.toggle],
  );
  useShortcuts(actions);

  return (
    <div className="room" data-panel={panel}>
      <main className="room-floor" data-stalled={isStalled || undefined}>
        <h1 className="visually-hidden">{t('room.title', { room: call.roomName })}</h1>
        <ConnectionBanner room={call.room} />
        <SharingBanner screen={call.screen} />
        <MovingNote room={call.room} />
        <Floor call={call} selfView={selfView} onSelfView={setSelfView} />
        <HearButton sound={call.sound} />
        <input
          ref={fileInput}
          className="visually-hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label={t('chat.attach')}
          data-testid="file-input"
          onChange={(event) => {
            offer([...(event.target.files ?? [])]);
            event.target.value = ''; // the same file again is a change, too
          }}
        />
      </main>
      {panel === 'chat' && (
        <ChatPanel
          call={call}
          onAttach={() => fileInput.current?.click()}
          onClose={() => {
            setPanel(undefined);
          }}
        />
      )}
      {panel === 'people' && (
        <PeoplePanel
          call={call}
          onInvite={() => {
            setOpenWindow('invite');
          }}
          onClose={() => {
            setPanel(undefined);
          }}
        />
      )}
      <Toolbar
        call={call}
        people={participants.length + 1}
        unread={unread}
        panel={panel}
        isSharing={screen !== undefined}
        selfView={selfView}
        onSelfView={setSelfView}
        fullscreen={fullscreen}
        onToggle={toggle}
        onWindow={setOpenWindow}
        onLeave={onLeave}
      />
      <DropTarget onFiles={offer} />
      <Windows
        call={call}
        open={openWindow}
        onClose={() => {
          setOpenWindow(undefined);
        }}
      />
    </div>
  );
}

function useSelfView(): readonly [SelfView, (view: SelfView) => void] {
  const [view, setView] = useState<SelfView>(() => {
    const stored = readSetting('selfView');
    return isSelfView(stored) ? stored : 'auto';
  });
  return [
    view,
    (next) => {
      writeSetting('selfView', next === 'auto' ? '' : next);
      setView(next);
    },
  ];
}

/** The tab's title names the room, and how much is unread. */
function useTitle(roomName: string, unread: number): void {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${roomName} · ${t('app.name')}`;
  }, [roomName, unread, t]);
}
