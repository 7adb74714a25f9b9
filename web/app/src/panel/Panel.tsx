import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../ui/Controls.tsx';

interface PanelProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A column beside the floor; on a phone it covers it. */
export function Panel({ title, onClose, children }: PanelProps): ReactNode {
  const { t } = useTranslation();
  return (
    <aside className="panel" aria-label={title}>
      <header className="panel-head">
        <h2>{title}</h2>
        <IconButton icon={X} label={t('chat.close')} shortcut="Esc" className="icon-button-plain" onPress={onClose} />
      </header>
      {children}
    </aside>
  );
}
