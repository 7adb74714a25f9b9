import { encodeChunk } from './chunk.ts';
import { FileReaderInBlocks } from './reader.ts';
import { Speedometer } from './speed.ts';
import { SendWindow } from './window.ts';

/** No more than this lies in the channel's own buffer: a cancel takes effect soon, and memory stays small. */
const BUFFER_BYTES = 1024 * 1024;
const BUFFER_LOW_BYTES = 256 * 1024;

/** The part of RTCDataChannel that a transfer writes to. */
export interface ChunkChannel extends EventTarget {
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  send(data: ArrayBuffer): void;
}

/** Sends one file to one receiver, as fast as the window and the channel allow. */
export class OutgoingTransfer {
  readonly transfer: number;
  readonly #window: SendWindow;
  readonly #reader: FileReaderInBlocks;
  readonly #channel: ChunkChannel;
  readonly #speed = new Speedometer();
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(
    transfer: number,
    file: Blob,
    channel: ChunkChannel,
    limits: { readonly fileWindowBytes: number; readonly fileChunkBytes: number },
  ) {
    this.transfer = transfer;
    this.#window = new SendWindow(file.size, limits.fileWindowBytes, limits.fileChunkBytes);
    this.#reader = new FileReaderInBlocks(file);
    this.#channel = channel;
    channel.bufferedAmountLowThreshold = BUFFER_LOW_BYTES;
    this.#speed.record(0, performance.now());
  }

  /** What the receiver has. */
  get bytes(): number {
    return this.#window.acked;
  }

  get bytesPerSecond(): number {
    return this.#speed.bytesPerSecond;
  }

  /** Resolves when everything was sent or `stop` was called; rejects when the file cannot be read. */
  async run(): Promise<void> {
    const drained = (): void => {
      this.#wake?.();
    };
    this.#channel.addEventListener('bufferedamountlow', drained);
    try {
      while (!this.#window.complete && !this.#stopped) {
        const bytes = this.#window.next();
        if (bytes === 0 || this.#channel.bufferedAmount > BUFFER_BYTES) {
          await this.#pause();
        } else {
          await this.#sendChunk(bytes);
        }
      }
    } finally {
      this.#channel.removeEventListener('bufferedamountlow', drained);
    }
  }

  /** False if the acknowledgement is impossible. */
  acknowledge(bytes: number): boolean {
    if (!this.#window.acknowledge(bytes)) {
      return false;
    }
    this.#speed.record(this.#window.acked, performance.now());
    this.#wake?.();
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async #sendChunk(bytes: number): Promise<void> {
    const offset = this.#window.sent;
    const payload = await this.#reader.read(offset, bytes);
    if (payload.byteLength !== bytes) {
      throw new Error('the file became shorter');
    }
    if (!this.#stopped) {
      this.#channel.send(encodeChunk({ transfer: this.transfer, offset, payload }));
      this.#window.send(bytes);
    }
  }

  /** Until an acknowledgement came, the channel's buffer ran low, or `stop` was called. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
