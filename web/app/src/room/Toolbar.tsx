import { MessageSquare, Mic, MicOff, MonitorUp, MonitorX, PhoneOff, Users, Video, VideoOff } from 'lucide-react';
import type { ReactNode } from 'react';
import { Toolbar as AriaToolbar } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { useStore } from '../call/hooks.ts';
import type { SelfView } from '../call/tiles.ts';
import { useLevel } from '../devices/useLevel.ts';
import { IconButton, IconToggle } from '../ui/Controls.tsx';
import { DeviceMenu } from './DeviceMenu.tsx';
import { MoreMenu } from './MoreMenu.tsx';
import type { Panel } from './RoomPage.tsx';
import type { Fullscreen } from './useFullscreen.ts';
import type { WindowName } from './Windows.tsx';

interface ToolbarProps {
  readonly call: Call;
  /** How many are in the room. */
  readonly people: number;
  readonly unread: number;
  readonly panel: Panel | undefined;
  readonly isSharing: boolean;
  readonly selfView: SelfView;
  readonly onSelfView: (view: SelfView) => void;
  readonly fullscreen: Fullscreen;
  readonly onToggle: (panel: Panel) => void;
  readonly onWindow: (name: WindowName) => void;
  readonly onLeave: () => void;
}

const canShareScreen = (): boolean => 'mediaDevices' in navigator && 'getDisplayMedia' in navigator.mediaDevices;

/** The controls of the room. */
export function Toolbar(props: ToolbarProps): ReactNode {
  const { call, people, unread, panel, isSharing, onToggle, onLeave } = props;
  const { t } = useTranslation();
  const { microphone, camera } = useStore(call.media);
  const isHeard = microphone.wanted && microphone.failure === undefined;
  const isSeen = camera.wanted && camera.failure === undefined;
  const level = useLevel<HTMLSpanElement>(isHeard ? microphone.track : undefined);
  const hint = (what: string, isOn: boolean): string => t(isOn ? 'room.turnOff' : 'room.turnOn', { what });
  return (
    <footer className="bar">
      <span className="bar-room">{call.roomName}</span>
      <AriaToolbar className="bar-main" aria-label={t('room.controls')}>
        <span className="bar-pair">
          <IconToggle
            on={Mic}
            off={MicOff}
            label={t('room.microphone')}
            hint={hint(t('room.microphone'), isHeard)}
            shortcut="M"
            isSelected={isHeard}
            onChange={(on) => {
              void (on && microphone.failure !== undefined
                ? call.media.retry('microphone')
                : call.media.set('microphone', on));
            }}
            className="bar-switch"
            testId="mic"
          >
            <span className="bar-level" ref={level} aria-hidden />
          </IconToggle>
          <DeviceMenu media={call.media} input="microphone" />
        </span>
        <span className="bar-pair">
          <IconToggle
            on={Video}
            off={VideoOff}
            label={t('room.camera')}
            hint={hint(t('room.camera'), isSeen)}
            shortcut="V"
            isSelected={isSeen}
            onChange={(on) => {
              void (on && camera.failure !== undefined ? call.media.retry('camera') : call.media.set('camera', on));
            }}
            className="bar-switch"
            testId="camera"
          />
          <DeviceMenu media={call.media} input="camera" />
        </span>
        {canShareScreen() && (
          <IconToggle
            on={MonitorX}
            off={MonitorUp}
            label={t('room.screen')}
            hint={isSharing ? t('room.stopScreen') : t('room.screen')}
            shortcut="S"
            isSelected={isSharing}
            onChange={() => void call.screen.toggle()}
            className="bar-toggle"
            testId="screen"
          />
        )}
        <IconToggle
          on={MessageSquare}
          label={unread > 0 ? `${t('room.chat')} (${t('room.unread', { count: unread })})` : t('room.chat')}
          shortcut="C"
          isSelected={panel === 'chat'}
          onChange={() => {
            onToggle('chat');
          }}
          className="bar-toggle"
          testId="chat-open"
        >
          {unread > 0 && (
            <span className="badge" data-testid="unread" data-count={unread > 99 ? '99+' : unread} aria-hidden />
          )}
        </IconToggle>
        <IconToggle
          on={Users}
          label={`${t('room.people')} (${people})`}
          hint={t('room.people')}
          shortcut="P"
          isSelected={panel === 'people'}
          onChange={() => {
            onToggle('people');
          }}
          className="bar-toggle"
          testId="people"
        >
          <span className="badge badge-quiet" data-count={people} aria-hidden />
        </IconToggle>
        <MoreMenu {...props} />
        <IconButton
          icon={PhoneOff}
          label={t('room.leave')}
          onPress={onLeave}
          className="icon-button-danger bar-leave"
          testId="leave"
        />
      </AriaToolbar>
    </footer>
  );
}
