import { checkConnection, type ConnectionCheck, type Way } from '@hiroba/sdk';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { verdict } from './verdict.ts';

/** The camera comes first: the test begins when that has most likely been asked for. */
const DELAY_MS = 800;

const WAYS: readonly Way[] = ['udp', 'tcp', 'relay'];

interface ConnectionProps {
  /** Shows all ways at once, for who came to see them. */
  readonly isOpen?: boolean;
  readonly onFound?: (check: ConnectionCheck) => void;
}

/** Whether media will get through, before anybody joins. It says one line, and more to who asks. */
export function Connection({ isOpen = false, onFound }: ConnectionProps): ReactNode {
  const { t } = useTranslation();
  const check = useCheck(onFound);
  const found = check && verdict(check);
  const ms = found?.ms ?? 0;
  return (
    <details className="connection" data-testid="connection" data-verdict={found?.kind} open={isOpen}>
      <summary>
        <span className="connection-mark" data-level={found?.level ?? 'checking'} aria-hidden />
        <span role="status">{found === undefined ? t('check.checking') : t(`check.${found.kind}`, { ms })}</span>
      </summary>
      {check !== undefined && (
        <dl className="connection-ways">
          <dt>{t('check.webSocket')}</dt>
          <dd>{t(check.webSocket ? 'check.way.works' : 'check.way.blocked')}</dd>
          {WAYS.map((way) => {
            const result = check.ways[way];
            const timed = result.kind === 'works' && result.rttMs !== undefined;
            return [
              <dt key={way}>{t(`check.name.${way}`)}</dt>,
              <dd key={`${way}-result`} data-testid={`way-${way}`} data-result={result.kind}>
                {timed ? t('check.way.timed', { ms: result.rttMs }) : t(`check.way.${result.kind}`)}
              </dd>,
            ];
          })}
        </dl>
      )}
    </details>
  );
}

/** Tests once, and stops when nobody looks any more. */
function useCheck(onFound: ConnectionProps['onFound']): ConnectionCheck | undefined {
  const [check, setCheck] = useState<ConnectionCheck>();
  useEffect(() => {
    const ending = new AbortController();
    const run = async (): Promise<void> => {
      try {
        const found = await checkConnection({ signal: ending.signal });
        setCheck(found);
        onFound?.(found);
      } catch {
        // Nobody waits for it any more.
      }
    };
    const timer = setTimeout(() => void run(), DELAY_MS);
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [onFound]);
  return check;
}
