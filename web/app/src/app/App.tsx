import type { ReactNode } from 'react';
import { I18nProvider } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { StartPage } from '../start/StartPage.tsx';
import { NoticeList } from '../ui/NoticeList.tsx';
import { CheckPage } from './CheckPage.tsx';
import { useAddress } from './useAddress.ts';
import { VisitPage } from './VisitPage.tsx';
import { parseRoute } from './route.ts';

/** The whole app: which page is shown follows from the address alone. */
export function App(): ReactNode {
  const { i18n } = useTranslation();
  const { pathname, search } = useAddress();
  const route = parseRoute(pathname, search);
  return (
    // React Aria's own words (such as "Dismiss") follow the chosen language, not the browser's.
    <I18nProvider locale={i18n.language === 'ja' ? 'ja-JP' : 'en-US'}>
      {route.kind === 'start' ? (
        <StartPage />
      ) : route.kind === 'check' ? (
        <CheckPage />
      ) : (
        <VisitPage key={route.room} room={route.room} name={route.name} auto={route.auto} />
      )}
      <NoticeList />
    </I18nProvider>
  );
}
