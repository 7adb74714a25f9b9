import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from 'react-aria-components';
import { languages, setLanguage } from '../text/setup.ts';

/** The languages, each in its own words; the present one is marked. */
export function LanguageChoice(): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    <div className="languages" role="group" aria-label={t('app.language')}>
      {languages.map(({ code, name }) => (
        <Button
          key={code}
          className="text-button"
          aria-pressed={i18n.language === code}
          onPress={() => {
            setLanguage(code);
          }}
        >
          <span lang={code}>{name}</span>
        </Button>
      ))}
    </div>
  );
}
