/** Read from the disk at once: many chunks, so that the disk is asked rarely, and little enough to keep in memory. */
const BLOCK_BYTES = 512 * 1024;

/** Reads a file front to back in small pieces without ever holding more than one block of it. */
export class FileReaderInBlocks {
  readonly #file: Blob;
  #block = new Uint8Array(0);
  #blockOffset = 0;

  constructor(file: Blob) {
    this.#file = file;
  }

  /** Rejects when the file cannot be read any more (it was changed or removed). */
  async read(offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    if (offset < this.#blockOffset || offset + bytes > this.#blockOffset + this.#block.byteLength) {
      const slice = this.#file.slice(offset, offset + Math.max(bytes, BLOCK_BYTES));
      this.#block = new Uint8Array(await slice.arrayBuffer());
      this.#blockOffset = offset;
    }
    const start = offset - this.#blockOffset;
    return this.#block.subarray(start, start + bytes);
  }
}
