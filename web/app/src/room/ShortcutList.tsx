import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** All keys of the room. */
export function ShortcutList(): ReactNode {
  const { t } = useTranslation();
  const rows = [
    ['M', t('shortcuts.microphone')],
    ['V', t('shortcuts.camera')],
    ['S', t('shortcuts.screen')],
    ['C', t('shortcuts.chat')],
    ['P', t('shortcuts.people')],
    ['F', t('shortcuts.fullscreen')],
    [t('shortcuts.space'), t('shortcuts.talk')],
    [t('shortcuts.escape'), t('shortcuts.close')],
    ['?', t('shortcuts.help')],
  ] as const;
  return (
    <dl className="keys">
      {rows.map(([key, what]) => (
        <div key={key}>
          <dt>
            <kbd>{key}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
