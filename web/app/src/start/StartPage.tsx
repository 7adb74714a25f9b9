import { ArrowRight, X } from 'lucide-react';
import { type ReactNode, type SyntheticEvent, useState } from 'react';
import { Button, Form, Link } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { roomPath } from '../app/route.ts';
import { navigate } from '../app/useAddress.ts';
import { forgetRoom, recentRooms } from '../memory/recentRooms.ts';
import { readSetting, writeSetting } from '../memory/settings.ts';
import { cleanRoomName, generateRoomName } from '../names/roomName.ts';
import { Field } from '../ui/Field.tsx';
import { LanguageChoice } from '../ui/LanguageChoice.tsx';
import { Mark } from '../ui/Mark.tsx';
import './start.css';

/** One field, one button. */
export function StartPage(): ReactNode {
  const { t } = useTranslation();
  const [room, setRoom] = useState('');
  const [name, setName] = useState(() => readSetting('name') ?? '');
  const [example] = useState(() => generateRoomName());
  const [recent, setRecent] = useState(recentRooms);

  const go = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    writeSetting('name', name.trim());
    // The example that was shown is the room one gets.
    navigate(roomPath(cleanRoomName(room) || example));
  };

  return (
    <div className="start">
      <main className="start-card">
        <header className="start-head">
          <Mark />
          <h1>{t('app.name')}</h1>
          <p>{t('app.tagline')}</p>
        </header>
        <Form className="start-form" onSubmit={go} aria-label={t('start.title')}>
          <Field
            label={t('start.room')}
            value={room}
            onChange={setRoom}
            testId="room"
            placeholder={t('start.roomPlaceholder', { example })}
            help={t('start.roomHelp')}
          />
          <Field
            label={t('start.name')}
            note={t('start.optional')}
            value={name}
            onChange={setName}
            testId="name"
            autoComplete="name"
          />
          <Button type="submit" className="button button-primary button-large" data-testid="join">
            {t('start.go')}
            <ArrowRight aria-hidden />
          </Button>
        </Form>
        {recent.length > 0 && (
          <section className="start-recent" aria-labelledby="recent-title">
            <h2 id="recent-title" title={t('start.recentHelp')}>
              {t('start.recent')}
            </h2>
            <ul>
              {recent.map((one) => (
                <li key={one}>
                  <Link
                    href={roomPath(one)}
                    onClick={(event) => {
                      // A click with a key goes to a new tab, as everywhere.
                      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                      event.preventDefault();
                      navigate(roomPath(one));
                    }}
                  >
                    {one}
                  </Link>
                  <Button
                    className="icon-button icon-button-plain icon-button-small"
                    aria-label={t('start.forget', { room: one })}
                    onPress={() => {
                      setRecent(forgetRoom(one));
                    }}
                  >
                    <X aria-hidden />
                  </Button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </main>
      <footer className="start-foot">
        <LanguageChoice />
      </footer>
    </div>
  );
}
