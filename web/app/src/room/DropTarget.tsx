import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

/** Takes files that are dropped or pasted anywhere on the page. The paper clip does the same for who does not drag. */
export function DropTarget({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): ReactNode {
  const { t } = useTranslation();
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    const abort = new AbortController();
    const listen = (type: 'dragenter' | 'dragover' | 'dragleave' | 'drop', run: (event: DragEvent) => void): void => {
      window.addEventListener(
        type,
        (event) => {
          if (!hasFiles(event)) return;
          event.preventDefault(); // else the browser leaves the call to show the file
          run(event);
        },
        { signal: abort.signal },
      );
    };
    const over = (): void => {
      setIsOver(true);
    };
    listen('dragenter', over);
    listen('dragover', over);
    listen('dragleave', (event) => {
      if (event.relatedTarget === null) setIsOver(false);
    });
    listen('drop', (event) => {
      setIsOver(false);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    });
    window.addEventListener(
      'paste',
      (event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length === 0) return; // a text goes where the cursor is
        event.preventDefault();
        onFiles(files);
      },
      { signal: abort.signal },
    );
    return () => {
      abort.abort();
    };
  }, [onFiles]);
  return isOver ? <div className="drop">{t('room.dropHere')}</div> : null;
}
