import { HirobaError } from '../error.ts';
import { newMark } from '../mark.ts';
import { parseFileMessage } from '../protocol.ts';
import type { FileCancel, FileMessage, FileOffer, FileStart } from '../protocol.ts';
import type { FileItem, Limits, ParticipantId } from '../types.ts';
import { parseChunk } from './chunk.ts';
import { IncomingTransfer } from './incoming.ts';
import { fileItem, isOpen } from './items.ts';
import type { ItemEntry, TransferEntry } from './items.ts';
import { plainMime, shortName } from './name.ts';
import { OutgoingTransfer } from './outgoing.ts';

/** Progress is told this often at most. */
const PROGRESS_MS = 100;

export interface FileExchangeOwner {
  self(): { readonly id: ParticipantId; readonly name: string } | undefined;
  nameOf(id: ParticipantId): string;
  limits(): Limits | undefined;
  onFiles(files: readonly FileItem[]): void;
  onError(error: HirobaError): void;
}

/**
 * The files of the room: offers, and transfers in both directions over the file channel of the present connection. Our
 * own offers outlive a connection: they are offered again on the next one.
 */
export class FileExchange {
  readonly #owner: FileExchangeOwner;
  #items: ItemEntry[] = [];
  #files: readonly FileItem[] = [];
  #channel: RTCDataChannel | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(owner: FileExchangeOwner) {
    this.#owner = owner;
  }

  get files(): readonly FileItem[] {
    return this.#files;
  }

  /** Uses the file channel of a new connection, on which the server knows nothing of what was before. */
  attach(channel: RTCDataChannel): void {
    this.detach();
    this.#channel = channel;
    channel.onopen = () => {
      this.#offerAgain();
    };
    channel.onmessage = (event: MessageEvent<unknown>) => {
      this.#received(event.data);
    };
    channel.onclose = () => {
      this.detach();
    };
    if (channel.readyState === 'open') {
      this.#offerAgain();
    }
  }

  /** The connection is gone, and with it what ran on it. */
  detach(): void {
    if (!this.#channel) {
      return;
    }
    this.#channel.onopen = null;
    this.#channel.onmessage = null;
    this.#channel.onclose = null;
    this.#channel = undefined;
    for (const item of this.#items) {
      for (const entry of item.transfers.filter(isOpen)) {
        end(entry, 'failed', 'connection');
      }
      item.file = 0;
      if (!item.own) {
        item.state = 'withdrawn';
      }
    }
    // The server names the open offers of others again; what we have received stays.
    this.#items = this.#items.filter((item) => item.own || item.transfers.some((entry) => entry.state === 'done'));
    this.#changed();
  }

  offer(source: File | Blob, name: string | undefined): FileItem {
    const self = this.#owner.self();
    const limits = this.#owner.limits();
    if (!self || !limits) {
      throw new HirobaError('wrong_state', 'files can be offered only in a room');
    }
    if (source.size > limits.fileBytes) {
      throw new HirobaError('file_too_large', `files may have at most ${limits.fileBytes} bytes`);
    }
    const entry: ItemEntry = {
      file: 0,
      localId: newMark(),
      own: true,
      from: self.id,
      fromName: self.name,
      name: shortName(name ?? ('name' in source ? source.name : '')),
      size: source.size,
      mime: plainMime(source.type),
      source,
      transfers: [],
      state: 'offered',
    };
    this.#items.push(entry);
    this.#sendOffer(entry);
    this.#changed();
    return fileItem(entry);
  }

  accept(file: number): void {
    const item = this.#find(file);
    if (!item || item.own || item.state === 'withdrawn') {
      throw new HirobaError('wrong_state', 'there is no such offer');
    }
    if (item.transfers.some((entry) => isOpen(entry) || entry.state === 'done')) {
      return;
    }
    item.transfers = [{ transfer: 0, peer: item.from, state: 'waiting' }];
    if (!this.#send({ type: 'file_accept', file })) {
      item.transfers = [{ transfer: 0, peer: item.from, state: 'failed', reason: 'connection' }];
    }
    this.#changed();
  }

  cancel(file: number, transfer: number | undefined): void {
    const item = this.#find(file);
    if (!item) {
      return;
    }
    const reason = 'cancelled';
    if (transfer !== undefined || !item.own) {
      const entry = item.transfers.find((other) => isOpen(other) && (!transfer || other.transfer === transfer));
      // A transfer that the server has not begun has no ID yet: it is cancelled when it begins.
      if (entry) {
        end(entry, 'cancelled', reason);
        if (entry.transfer !== 0) {
          this.#send({ type: 'file_cancel', file, transfer: entry.transfer, reason });
        }
      }
    } else {
      this.#withdraw(item, reason);
      this.#send({ type: 'file_cancel', file, reason });
    }
    this.#changed();
  }

  clear(): void {
    this.detach();
    this.#items = [];
    this.#changed();
  }

  #received(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.#chunk(data);
      return;
    }
    const message = parseFileMessage(data);
    if (message) {
      this.#message(message);
    }
  }

  #message(message: FileMessage): void {
    switch (message.type) {
      case 'file_offer':
        this.#offered(message);
        break;
      case 'file_start':
        this.#start(message);
        break;
      case 'file_ack': {
        const [item, entry] = this.#findTransfer(message.transfer);
        if (item && entry?.running instanceof OutgoingTransfer && !entry.running.acknowledge(message.bytes)) {
          this.#break(item, entry);
        }
        this.#changed(PROGRESS_MS);
        return;
      }
      case 'file_cancel':
        this.#cancelled(message);
        break;
      case 'file_done':
        this.#done(message.transfer);
        break;
      case 'error':
        this.#refused(message.id, message.re);
        this.#owner.onError(new HirobaError(message.code, message.message));
        break;
      case 'file_accept':
        return;
    }
    this.#changed();
  }

  #offered({ id, file = 0, from, name, size, mime = '' }: FileOffer): void {
    const own = this.#items.find((item) => item.own && item.localId === id);
    if (own) {
      own.file = file;
      own.from = this.#owner.self()?.id ?? own.from;
      if (own.state === 'withdrawn') {
        this.#send({ type: 'file_cancel', file, reason: 'cancelled' }); // before the server had told us its ID
      }
      return;
    }
    if (from === undefined || from === this.#owner.self()?.id || this.#find(file)) {
      return;
    }
    const fromName = this.#owner.nameOf(from);
    this.#items.push({
      file,
      localId: newMark(),
      own: false,
      from,
      fromName,
      name: shortName(name),
      size,
      mime,
      transfers: [],
      state: 'offered',
    });
  }

  #start({ file, transfer, to }: FileStart): void {
    const item = this.#find(file);
    const limits = this.#owner.limits();
    if (!item || !limits || !this.#channel) {
      return;
    }
    if (item.source && item.own) {
      const running = new OutgoingTransfer(transfer, item.source, this.#channel, limits);
      const entry: TransferEntry = { transfer, peer: to, state: 'running', running };
      // Who tries once more replaces the former attempt in the list.
      item.transfers = [...item.transfers.filter((other) => other.peer !== to || isOpen(other)), entry];
      void this.#run(item, entry, running);
      return;
    }
    const entry = item.transfers.find((other) => other.transfer === 0);
    if (entry?.state !== 'waiting') {
      this.#send({ type: 'file_cancel', file, transfer, reason: 'cancelled' });
      return;
    }
    const running = new IncomingTransfer(transfer, item.size, limits.fileWindowBytes);
    entry.transfer = transfer;
    entry.state = 'running';
    entry.running = running;
    this.#acknowledge(running);
  }

  async #run(item: ItemEntry, entry: TransferEntry, running: OutgoingTransfer): Promise<void> {
    try {
      await running.run();
    } catch {
      // The file cannot be read any more, or the channel was closed under it.
      if (isOpen(entry)) {
        end(entry, 'failed', 'unreadable');
        this.#send({ type: 'file_cancel', file: item.file, transfer: entry.transfer, reason: 'cancelled' });
        this.#changed();
      }
    }
  }

  #chunk(data: ArrayBuffer): void {
    const chunk = parseChunk(data);
    const [item, entry] = chunk ? this.#findTransfer(chunk.transfer) : [];
    if (!chunk || !item || !entry || !isOpen(entry) || !(entry.running instanceof IncomingTransfer)) {
      return; // of a transfer that was just cancelled
    }
    if (entry.running.receive(chunk)) {
      this.#acknowledge(entry.running);
      this.#changed(PROGRESS_MS);
    } else {
      this.#break(item, entry);
      this.#changed();
    }
  }

  #acknowledge(running: IncomingTransfer): void {
    const bytes = running.acknowledgement();
    if (bytes !== undefined) {
      this.#send({ type: 'file_ack', transfer: running.transfer, bytes });
    }
  }

  #done(transfer: number): void {
    const [item, entry] = this.#findTransfer(transfer);
    if (!item || !entry || !isOpen(entry)) {
      return;
    }
    if (entry.running instanceof IncomingTransfer) {
      entry.blob = entry.running.blob(item.mime);
    }
    end(entry, 'done');
  }

  #cancelled({ file, transfer, reason = 'cancelled' }: FileCancel): void {
    const item = this.#find(file);
    if (!item) {
      return;
    }
    if (!transfer) {
      this.#withdraw(item, reason);
      return;
    }
    const entry = item.transfers.find((other) => other.transfer === transfer);
    if (entry && isOpen(entry)) {
      end(entry, reason === 'cancelled' ? 'cancelled' : 'failed', reason);
    }
  }

  #withdraw(item: ItemEntry, reason: string): void {
    item.state = 'withdrawn';
    for (const entry of item.transfers.filter(isOpen)) {
      end(entry, 'cancelled', reason);
    }
  }

  /** The other side does not keep the protocol. */
  #break(item: ItemEntry, entry: TransferEntry): void {
    end(entry, 'failed', 'broken_rule');
    this.#send({ type: 'file_cancel', file: item.file, transfer: entry.transfer, reason: 'broken_rule' });
  }

  /** An offer or an acceptance was refused. `id` is the mark of our offer, or the number of the file. */
  #refused(id: string | undefined, re: string | undefined): void {
    const item = this.#items.find((other) => other.localId === id || (id !== undefined && String(other.file) === id));
    if (item?.own && re === 'file_offer') {
      item.state = 'withdrawn';
    } else if (re === 'file_accept') {
      const waiting = item ? [item] : this.#items;
      for (const entry of waiting.flatMap(({ transfers }) => transfers)) {
        if (entry.state === 'waiting') {
          end(entry, 'failed', 'refused');
        }
      }
    }
  }

  #offerAgain(): void {
    for (const item of this.#items) {
      if (item.own && item.state === 'offered') {
        this.#sendOffer(item);
      }
    }
  }

  /** While the channel is not open yet nothing is sent: `#offerAgain` does it then. */
  #sendOffer({ localId, name, size, mime }: ItemEntry): void {
    const offer = { type: 'file_offer', id: localId, name, size } as const;
    this.#send(mime === '' ? offer : { ...offer, mime });
  }

  #send(message: FileMessage): boolean {
    if (this.#channel?.readyState !== 'open') {
      return false;
    }
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  #find(file: number): ItemEntry | undefined {
    return file === 0 ? undefined : this.#items.find((item) => item.file === file);
  }

  #findTransfer(transfer: number): [ItemEntry?, TransferEntry?] {
    for (const item of this.#items) {
      const entry = item.transfers.find((other) => other.transfer === transfer);
      if (entry) {
        return [item, entry];
      }
    }
    return [];
  }

  /** Tells what changed, now or (for mere progress) soon. */
  #changed(withinMs = 0): void {
    if (withinMs > 0) {
      this.#timer ??= setTimeout(() => {
        this.#changed();
      }, withinMs);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#files = this.#items.map(fileItem);
    this.#owner.onFiles(this.#files);
  }
}

function end(entry: TransferEntry, state: TransferEntry['state'], reason?: string): void {
  entry.state = state;
  if (reason !== undefined) {
    entry.reason = reason;
  }
  if (entry.running instanceof OutgoingTransfer) {
    entry.running.stop();
  } else {
    entry.running?.drop();
  }
}
