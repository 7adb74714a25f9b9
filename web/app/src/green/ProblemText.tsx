import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Problem } from '../call/visit.ts';
import { en } from '../text/en.ts';

type Known = Exclude<keyof typeof en.problem, 'other' | 'reload'>;

const isKnown = (code: string): code is Known => code in en.problem && code !== 'other' && code !== 'reload';

/** Whether another name solves it. */
export const isNameProblem = (problem: Problem): boolean =>
  problem.code === 'name_taken' || problem.code === 'bad_name';

/** The sentence that says what did not work and what to do. */
export function useProblemText(): (problem: Problem) => string {
  const { t } = useTranslation();
  return ({ code, name }) => {
    // Only asked once joining has failed: a server in the same network needs no connection to the world.
    if (code === 'network' && !navigator.onLine) return t('problem.offline');
    return isKnown(code) ? t(`problem.${code}`, { name }) : t('problem.other', { code });
  };
}

/** Why joining did not work, with the way out. */
export function ProblemText({ problem }: { readonly problem: Problem }): ReactNode {
  const { t } = useTranslation();
  const text = useProblemText();
  return (
    <div className="problem" role="alert">
      <span>{text(problem)}</span>
      {problem.code === 'unsupported_version' && (
        <Button
          className="text-button"
          onPress={() => {
            location.reload();
          }}
        >
          {t('problem.reload')}
        </Button>
      )}
    </div>
  );
}
