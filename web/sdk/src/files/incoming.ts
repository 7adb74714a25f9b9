import type { Chunk } from './chunk.ts';
import { Speedometer } from './speed.ts';
import { ReceiveWindow } from './window.ts';

/** Pieces of this size are handed to the browser as a Blob, which it may keep on disk instead of in memory. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Collects one file from its sender. */
export class IncomingTransfer {
  readonly transfer: number;
  readonly #window: ReceiveWindow;
  readonly #speed = new Speedometer();
  #pieces: Blob[] = [];
  #chunks: Uint8Array<ArrayBuffer>[] = [];
  #chunkBytes = 0;

  constructor(transfer: number, sizeBytes: number, windowBytes: number) {
    this.transfer = transfer;
    this.#window = new ReceiveWindow(sizeBytes, windowBytes);
    this.#speed.record(0, performance.now());
  }

  get bytes(): number {
    return this.#window.received;
  }

  get bytesPerSecond(): number {
    return this.#speed.bytesPerSecond;
  }

  get complete(): boolean {
    return this.#window.complete;
  }

  /** False if the chunk does not fit: then the transfer is broken. */
  receive({ offset, payload }: Chunk): boolean {
    if (!this.#window.receive(offset, payload.byteLength)) {
      return false;
    }
    this.#chunks.push(payload);
    this.#chunkBytes += payload.byteLength;
    if (this.#chunkBytes >= PIECE_BYTES) {
      this.#pack();
    }
    return true;
  }

  /** What is to be acknowledged now, once; undefined for nothing yet. */
  acknowledgement(): number | undefined {
    const due = this.#window.due();
    if (due !== undefined) {
      this.#speed.record(due, performance.now());
    }
    return due;
  }

  /** The whole file. */
  blob(mime: string): Blob {
    this.#pack();
    return new Blob(this.#pieces, { type: mime });
  }

  /** Lets go of what was collected. */
  drop(): void {
    this.#pieces = [];
    this.#chunks = [];
    this.#chunkBytes = 0;
  }

  #pack(): void {
    if (this.#chunks.length > 0) {
      this.#pieces.push(new Blob(this.#chunks));
      this.#chunks = [];
      this.#chunkBytes = 0;
    }
  }
}
