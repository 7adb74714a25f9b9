/**
 * How far the sender of a transfer may go: no more than one window ahead of what the receiver has acknowledged, so that
 * neither the server nor a slow receiver has to store more.
 */
export class SendWindow {
  readonly #sizeBytes: number;
  readonly #windowBytes: number;
  readonly #chunkBytes: number;
  #sent = 0;
  #acked = 0;

  constructor(sizeBytes: number, windowBytes: number, chunkBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#windowBytes = windowBytes;
    // A chunk larger than the window could never be sent.
    this.#chunkBytes = Math.max(1, Math.min(chunkBytes, windowBytes));
  }

  get sent(): number {
    return this.#sent;
  }

  get acked(): number {
    return this.#acked;
  }

  get complete(): boolean {
    return this.#sent === this.#sizeBytes;
  }

  /**
   * The size of the next chunk in bytes, 0 if it must wait for an acknowledgement. Chunks are whole but for the last:
   * the window is not filled up with crumbs.
   */
  next(): number {
    const wanted = Math.min(this.#chunkBytes, this.#sizeBytes - this.#sent);
    return this.#sent + wanted - this.#acked <= this.#windowBytes ? wanted : 0;
  }

  send(bytes: number): void {
    this.#sent += bytes;
  }

  /** An acknowledgement. False if it claims what was never sent. Old ones are ignored. */
  acknowledge(bytes: number): boolean {
    if (bytes > this.#sent || bytes < 0) {
      return false;
    }
    this.#acked = Math.max(this.#acked, bytes);
    return true;
  }
}

/** What the receiver of a transfer owes the sender: an acknowledgement for each quarter of the window, and for the end. */
export class ReceiveWindow {
  readonly #sizeBytes: number;
  readonly #quarterBytes: number;
  #received = 0;
  #acked: number | undefined;

  constructor(sizeBytes: number, windowBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#quarterBytes = Math.max(1, Math.floor(windowBytes / 4));
  }

  get received(): number {
    return this.#received;
  }

  get complete(): boolean {
    return this.#received === this.#sizeBytes;
  }

  /** A chunk. False if it is not the next one, or goes beyond the end: then the transfer is broken. */
  receive(offset: number, bytes: number): boolean {
    if (offset !== this.#received || offset + bytes > this.#sizeBytes) {
      return false;
    }
    this.#received += bytes;
    return true;
  }

  /** What is to be acknowledged now, once; undefined for nothing yet. An empty file is acknowledged with 0. */
  due(): number | undefined {
    const due = this.complete
      ? this.#acked !== this.#received
      : this.#received - (this.#acked ?? 0) >= this.#quarterBytes;
    if (!due) {
      return undefined;
    }
    this.#acked = this.#received;
    return this.#received;
  }
}
