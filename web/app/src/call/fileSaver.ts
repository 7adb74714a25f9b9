import { HirobaError, type FileItem } from '@hiroba/sdk';
import i18next from 'i18next';
import type { Notices } from '../ui/notices.ts';
import type { RoomClient } from './roomClient.ts';

const reasons = ['left', 'too_slow', 'broken_rule', 'connection', 'unreadable'] as const;

const reasonText = (reason: string | undefined): string =>
  i18next.t(`file.reason.${reasons.find((known) => known === reason) ?? 'other'}`);

/** Gets files that were asked for, and hands them to the browser to save when they have come. */
export class FileSaver {
  readonly #room: RoomClient;
  readonly #notices: Notices;
  /** What was asked for and has not come yet, by `localId`. */
  readonly #awaited = new Set<string>();
  readonly #off: () => void;

  constructor(room: RoomClient, notices: Notices) {
    this.#room = room;
    this.#notices = notices;
    this.#off = room.on('files', (files) => {
      for (const file of files) this.#look(file);
    });
  }

  accept(file: FileItem): void {
    this.#awaited.add(file.localId);
    this.#room.acceptFile(file.file);
  }

  close(): void {
    this.#off();
  }

  #look(file: FileItem): void {
    const transfer = file.transfers.at(-1);
    if (file.own || transfer === undefined || !this.#awaited.has(file.localId)) return;
    switch (transfer.state) {
      case 'waiting':
      case 'running':
        return;
      case 'done':
        if (transfer.blob !== undefined) saveBlob(transfer.blob, file.name);
        break;
      case 'cancelled':
        this.#notices.show(i18next.t('file.cancelled', { file: file.name }));
        break;
      case 'failed': {
        const words = { file: file.name, reason: reasonText(transfer.reason) };
        this.#notices.show(i18next.t('file.failed', words), { tone: 'problem' });
        break;
      }
    }
    this.#awaited.delete(file.localId);
  }
}

/** Has the browser save a file under its name. */
export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads it after this returns.
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}

/** Offers files to everybody in the room, and says which of them could not be. */
export function offerFiles(room: RoomClient, files: readonly File[], notices: Notices): void {
  for (const file of files) {
    try {
      room.offerFile(file);
    } catch (error) {
      const limit = room.limits?.fileBytes;
      const isTooLarge = error instanceof HirobaError && error.code === 'file_too_large' && limit !== undefined;
      const words = isTooLarge
        ? i18next.t('file.tooLarge', { file: file.name, limit: `${Math.floor(limit / 1e6)} MB` })
        : i18next.t('file.notSent', { file: file.name, reason: reasonText(undefined) });
      notices.show(words, { tone: 'problem' });
    }
  }
}
