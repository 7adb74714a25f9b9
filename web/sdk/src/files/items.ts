import type { IncomingTransfer } from './incoming.ts';
import type { OutgoingTransfer } from './outgoing.ts';
import type { FileItem, FileTransfer, ParticipantId } from '../types.ts';

/** One transfer as `FileExchange` keeps it. */
export interface TransferEntry {
  /** 0 until the server has begun it. */
  transfer: number;
  readonly peer: ParticipantId;
  state: FileTransfer['state'];
  reason?: string;
  blob?: Blob;
  /** What runs; the last values stay when it has ended. */
  running?: OutgoingTransfer | IncomingTransfer;
}

/** One offered file as `FileExchange` keeps it. */
export interface ItemEntry {
  file: number;
  readonly localId: string;
  readonly own: boolean;
  from: ParticipantId;
  readonly fromName: string;
  readonly name: string;
  readonly size: number;
  readonly mime: string;
  /** Our own file. */
  readonly source?: Blob;
  transfers: TransferEntry[];
  state: FileItem['state'];
}

/** What the page sees of an entry. */
export function fileItem(entry: ItemEntry): FileItem {
  const { file, localId, own, from, fromName, name, size, mime, state } = entry;
  return { file, localId, own, from, fromName, name, size, mime, state, transfers: entry.transfers.map(fileTransfer) };
}

function fileTransfer({ transfer, peer, state, reason, blob, running }: TransferEntry): FileTransfer {
  return {
    transfer,
    peer,
    state,
    bytes: running?.bytes ?? 0,
    bytesPerSecond: state === 'running' ? (running?.bytesPerSecond ?? 0) : 0,
    ...(reason === undefined ? {} : { reason }),
    ...(blob === undefined ? {} : { blob }),
  };
}

/** Whether a transfer may still go on. */
export function isOpen(entry: TransferEntry): boolean {
  return entry.state === 'waiting' || entry.state === 'running';
}
