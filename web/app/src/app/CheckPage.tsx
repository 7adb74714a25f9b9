import type { ConnectionCheck } from '@hiroba/sdk';
import { type ReactNode, useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Connection } from '../green/Connection.tsx';
import { LanguageChoice } from '../ui/LanguageChoice.tsx';
import '../green/green.css';

/**
 * The connection test by itself, for a phone that somebody holds to the code of `hiroba doctor --phone`. What is behind
 * the # of the address never reaches a log; the server takes results only with it.
 */
export function CheckPage(): ReactNode {
  const { t } = useTranslation();
  const [isTold, setTold] = useState(false);
  const found = useCallback((check: ConnectionCheck) => {
    void tell(check).then(setTold);
  }, []);
  return (
    <main className="check-page">
      <LanguageChoice />
      <h1>{t('check.title')}</h1>
      <Connection isOpen onFound={found} />
      {isTold && <p data-testid="told">{t('check.told')}</p>}
    </main>
  );
}

/** Tells whoever runs the doctor. False if nobody does. */
async function tell(check: ConnectionCheck): Promise<boolean> {
  const token = location.hash.slice(1);
  if (token === '') return false;
  try {
    const response = await fetch('/check/report', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Hiroba-Doctor': token },
      body: JSON.stringify(check),
    });
    return response.ok;
  } catch {
    return false;
  }
}
