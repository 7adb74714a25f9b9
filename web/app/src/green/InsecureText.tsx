import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** Why nothing can be asked for on a page without TLS, for whoever opened it and for whoever runs the server. */
export function InsecureText(): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="problem insecure" role="status" data-failure="insecure">
      <strong>{t('insecure.title')}</strong>
      <span>{t('insecure.text')}</span>
      <span className="insecure-server">{t('insecure.server')}</span>
    </div>
  );
}
