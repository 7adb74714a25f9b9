import type { Participant } from '@hiroba/sdk';
import { Mic, MicOff, MonitorUp, UserPlus, Video, VideoOff } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { useRoom, useStore } from '../call/hooks.ts';
import { sends } from '../call/tiles.ts';
import { sentTrack } from '../devices/localMedia.ts';
import { Avatar } from '../ui/Avatar.tsx';
import { Panel } from './Panel.tsx';

interface PersonProps {
  readonly call: Call;
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly isHeard: boolean;
  readonly isSeen: boolean;
  readonly isSharing: boolean;
}

function Person({ call, id, name, label, isHeard, isSeen, isSharing }: PersonProps): ReactNode {
  const { t } = useTranslation();
  const element = useRef<HTMLLIElement>(null);
  useEffect(() => (element.current === null ? undefined : call.rings.add(id, element.current)), [call, id]);
  const sign = (Icon: typeof Mic, text: string, isOff: boolean): ReactNode => (
    <span className="person-sign" data-off={isOff || undefined}>
      <Icon aria-hidden />
      <span className="visually-hidden">{text}</span>
    </span>
  );
  return (
    <li ref={element} className="person" data-testid="person" data-name={name}>
      <Avatar name={name} />
      <span className="person-name">{label}</span>
      {isSharing && sign(MonitorUp, t('people.sharing'), false)}
      {sign(isSeen ? Video : VideoOff, t(isSeen ? 'people.cameraOn' : 'people.cameraOff'), !isSeen)}
      {sign(isHeard ? Mic : MicOff, t(isHeard ? 'people.microphoneOn' : 'people.microphoneOff'), !isHeard)}
    </li>
  );
}

interface PeoplePanelProps {
  readonly call: Call;
  readonly onInvite: () => void;
  readonly onClose: () => void;
}

/** Who is in the room: oneself first, then the others in the order of joining. */
export function PeoplePanel({ call, onInvite, onClose }: PeoplePanelProps): ReactNode {
  const { t } = useTranslation();
  const others = useRoom(call.room, 'participants');
  const { microphone, camera } = useStore(call.media);
  const sharing = useStore(call.screen.stream);
  const { self } = call.room;
  const count = others.length + (self === undefined ? 0 : 1);
  const person = (one: Participant): ReactNode => (
    <Person
      key={one.id}
      call={call}
      id={one.id}
      name={one.name}
      label={one.name}
      isHeard={sends(one, 'microphone')}
      isSeen={sends(one, 'camera')}
      isSharing={sends(one, 'screen')}
    />
  );
  return (
    <Panel title={t('people.title')} onClose={onClose}>
      <div className="people-head">
        <p>{t('people.count', { count })}</p>
        <Button className="text-button" onPress={onInvite}>
          <UserPlus aria-hidden />
          {t('people.invite')}
        </Button>
      </div>
      <ul className="people" tabIndex={0} aria-label={t('people.title')}>
        {self !== undefined && (
          <Person
            call={call}
            id={self.id}
            name={self.name}
            label={t('tile.you', { name: self.name })}
            isHeard={sentTrack(microphone) !== null}
            isSeen={sentTrack(camera) !== null}
            isSharing={sharing !== undefined}
          />
        )}
        {others.map(person)}
      </ul>
    </Panel>
  );
}
