import type { FileItem, FileTransfer } from '@hiroba/sdk';
import { Check, Download, File as FileIcon, X } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button, ProgressBar } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { saveBlob } from '../call/fileSaver.ts';
import { percentOf, sizeText, waitText } from './amounts.ts';

interface FileCardProps {
  readonly call: Call;
  readonly file: FileItem;
}

/** A file that was offered: what it is, how far it is, and what one can do with it. */
export function FileCard({ call, file }: FileCardProps): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    <li
      className="file"
      data-testid="file-offer"
      data-name={file.name}
      data-own={file.own || undefined}
      data-state={file.state}
    >
      <p className="message-head">
        <span className="message-name">{file.own ? t('file.own') : t('file.offered', { name: file.fromName })}</span>
      </p>
      <div className="file-card">
        <FileIcon aria-hidden className="file-sign" />
        <div className="file-body">
          <p className="file-name">{file.name}</p>
          <p className="file-size">{sizeText(file.size, i18n.language)}</p>
          {file.own ? <OwnFile call={call} file={file} /> : <OfferedFile call={call} file={file} />}
        </div>
      </div>
    </li>
  );
}

function OfferedFile({ call, file }: FileCardProps): ReactNode {
  const { t } = useTranslation();
  const transfer = file.transfers.at(-1);
  if (transfer?.state === 'done' && transfer.blob !== undefined) {
    return <SavedFile name={file.name} mime={file.mime} blob={transfer.blob} />;
  }
  if (transfer?.state === 'waiting' || transfer?.state === 'running') {
    return (
      <Progress
        file={file}
        transfer={transfer}
        onCancel={() => {
          call.room.cancelFile(file.file, transfer.transfer);
        }}
      />
    );
  }
  if (file.state === 'withdrawn') return <p className="file-state">{t('file.withdrawn')}</p>;
  return (
    <Button
      className="button file-button"
      aria-label={t('file.acceptName', { file: file.name })}
      data-testid="file-accept"
      isDisabled={file.file === 0}
      onPress={() => {
        call.files.accept(file);
      }}
    >
      <Download aria-hidden />
      {t('file.accept')}
    </Button>
  );
}

/** Pictures are shown; SVG is not, although it is one: it is a document, and is only ever saved. */
const isPicture = (mime: string): boolean => /^image\/(?:png|jpeg|gif|webp|avif)$/u.test(mime);

function SavedFile({
  name,
  mime,
  blob,
}: {
  readonly name: string;
  readonly mime: string;
  readonly blob: Blob;
}): ReactNode {
  const { t } = useTranslation();
  const [picture] = useState(() => (isPicture(mime) ? URL.createObjectURL(blob) : undefined));
  useEffect(
    () => () => {
      if (picture !== undefined) URL.revokeObjectURL(picture);
    },
    [picture],
  );
  return (
    <>
      {picture !== undefined && <img className="file-picture" src={picture} alt={name} />}
      <p className="file-state" data-testid="file-done">
        <Check aria-hidden />
        {t('file.done')}
        <Button
          className="text-button"
          onPress={() => {
            saveBlob(blob, name);
          }}
        >
          {t('file.doneAgain')}
        </Button>
      </p>
    </>
  );
}

function OwnFile({ call, file }: FileCardProps): ReactNode {
  const { t } = useTranslation();
  const done = file.transfers.filter((transfer) => transfer.state === 'done').length;
  const running = file.transfers.filter(({ state }) => state === 'running' || state === 'waiting');
  return (
    <>
      {running.map((transfer) => (
        <Progress
          key={transfer.transfer}
          file={file}
          transfer={transfer}
          onCancel={() => {
            call.room.cancelFile(file.file, transfer.transfer);
          }}
        />
      ))}
      {done > 0 && (
        <p className="file-state" data-testid="file-done">
          <Check aria-hidden />
          {t('file.sentTo', { count: done })}
        </p>
      )}
      {file.state === 'withdrawn' ? (
        <p className="file-state">{t('file.withdrawn')}</p>
      ) : (
        <p className="file-state">
          {done === 0 && running.length === 0 && t('file.nobodyYet')}
          <Button
            className="text-button"
            aria-label={t('file.withdrawName', { file: file.name })}
            onPress={() => {
              call.room.cancelFile(file.file);
            }}
          >
            {t('file.withdraw')}
          </Button>
        </p>
      )}
    </>
  );
}

interface ProgressProps {
  readonly file: FileItem;
  readonly transfer: FileTransfer;
  readonly onCancel: () => void;
}

function Progress({ file, transfer, onCancel }: ProgressProps): ReactNode {
  const { t, i18n } = useTranslation();
  const { language } = i18n;
  const { bytes, bytesPerSecond, state } = transfer;
  const percent = percentOf(bytes, file.size);
  const left = bytesPerSecond > 0 ? waitText((file.size - bytes) / bytesPerSecond, language) : '…';
  return (
    <div className="file-progress">
      <ProgressBar value={percent} aria-label={t('file.progress', { file: file.name, percent })}>
        <div className="file-track">
          <div className="file-fill" style={{ width: `${percent}%` }} />
        </div>
      </ProgressBar>
      <span className="file-speed">
        {state === 'waiting'
          ? t('file.waiting')
          : t('file.speed', {
              done: sizeText(bytes, language),
              total: sizeText(file.size, language),
              speed: sizeText(bytesPerSecond, language),
              left,
            })}
      </span>
      <Button
        className="icon-button icon-button-plain icon-button-small"
        aria-label={t('file.cancelName', { file: file.name })}
        onPress={onCancel}
      >
        <X aria-hidden />
      </Button>
    </div>
  );
}
