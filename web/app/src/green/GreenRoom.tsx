import { ArrowLeft } from 'lucide-react';
import { lazy, type ReactNode, Suspense, type SyntheticEvent, useState } from 'react';
import { Button, Form } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { navigate } from '../app/useAddress.ts';
import { useStore } from '../call/hooks.ts';
import type { Visit } from '../call/visit.ts';
import { Field } from '../ui/Field.tsx';
import { LanguageChoice } from '../ui/LanguageChoice.tsx';
import { Connection } from './Connection.tsx';
import { Preview } from './Preview.tsx';
import { isNameProblem, ProblemText, useProblemText } from './ProblemText.tsx';
import './green.css';

// Most people never open it, and nobody should wait for it.
const DeviceSettings = lazy(async () => ({ default: (await import('../devices/DeviceSettings.tsx')).DeviceSettings }));

/** Looking in the mirror before going in. Joining works at any moment, with or without devices. */
export function GreenRoom({ visit }: { readonly visit: Visit }): ReactNode {
  const { t } = useTranslation();
  const state = useStore(visit);
  const [name, setName] = useState(visit.name);
  const [missing, setMissing] = useState(false);
  // A complaint about a name ends when the name is changed.
  const [complainedAbout, setComplainedAbout] = useState<object>();
  const problem = state.kind === 'green' ? state.problem : undefined;
  const problemText = useProblemText();
  const isJoining = state.kind === 'joining';
  const nameProblem =
    problem !== undefined && isNameProblem(problem) && complainedAbout !== problem ? problemText(problem) : undefined;

  const join = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (isJoining) {
      visit.cancel();
      return;
    }
    setMissing(name.trim() === '');
    if (name.trim() !== '') void visit.join(name.trim());
  };

  return (
    <div className="green">
      <header className="green-head">
        <Button
          className="text-button"
          onPress={() => {
            navigate('/');
          }}
        >
          <ArrowLeft aria-hidden />
          {t('green.back')}
        </Button>
        <LanguageChoice />
      </header>
      <main className="green-main">
        <Preview media={visit.media} name={name} />
        <div className="green-side">
          <h1>
            {t('green.title')} <span className="green-room">{visit.roomName}</span>
          </h1>
          {problem !== undefined && !isNameProblem(problem) && <ProblemText problem={problem} />}
          <Form className="green-form" onSubmit={join} validationBehavior="aria">
            <Field
              label={t('green.name')}
              value={name}
              onChange={(value) => {
                setName(value);
                setMissing(false);
                setComplainedAbout(problem);
              }}
              testId="name"
              autoComplete="name"
              error={missing ? t('green.nameMissing') : nameProblem}
              autoFocus={name === ''}
            />
            <Button
              type="submit"
              className={`button button-large ${isJoining ? '' : 'button-primary'}`}
              data-testid="join"
              data-joining={isJoining || undefined}
            >
              {isJoining ? (
                <>
                  <span className="spinner" aria-hidden />
                  {t('green.joining')} <span className="green-cancel">{t('green.cancel')}</span>
                </>
              ) : (
                t('green.join')
              )}
            </Button>
          </Form>
          <Connection />
          <div className="green-devices">
            <Suspense>
              <DeviceSettings media={visit.media} />
            </Suspense>
          </div>
        </div>
      </main>
    </div>
  );
}
