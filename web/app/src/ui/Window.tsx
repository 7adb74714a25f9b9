import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useTranslation } from 'react-i18next';

interface WindowProps {
  readonly title: string;
  readonly isWide?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A dialog in front of the page; Esc and a click beside it close it. */
export function Window({ title, isWide = false, onClose, children }: WindowProps): ReactNode {
  const { t } = useTranslation();
  return (
    <ModalOverlay
      className="window-back"
      isOpen
      isDismissable
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Modal className={isWide ? 'window window-wide' : 'window'}>
        <Dialog className="window-content">
          <header className="window-head">
            <Heading slot="title">{title}</Heading>
            <Button className="icon-button icon-button-plain" aria-label={t('dialog.close')} onPress={onClose}>
              <X aria-hidden />
            </Button>
          </header>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
