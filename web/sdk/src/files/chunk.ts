/** What stands before the payload of a chunk: the transfer (4 bytes) and the offset (8 bytes), big endian. */
export const CHUNK_HEADER_BYTES = 12;

/** One binary message on the file channel. */
export interface Chunk {
  readonly transfer: number;
  /** Where in the file the payload belongs, in bytes. */
  readonly offset: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export function encodeChunk({ transfer, offset, payload }: Chunk): ArrayBuffer {
  const bytes = new Uint8Array(CHUNK_HEADER_BYTES + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, transfer);
  view.setBigUint64(4, BigInt(offset));
  bytes.set(payload, CHUNK_HEADER_BYTES);
  return bytes.buffer;
}

/** The payload is a view of `buffer`. Undefined for what is too short to be a chunk. */
export function parseChunk(buffer: ArrayBuffer): Chunk | undefined {
  if (buffer.byteLength <= CHUNK_HEADER_BYTES) {
    return undefined;
  }
  const view = new DataView(buffer);
  return {
    transfer: view.getUint32(0),
    offset: Number(view.getBigUint64(4)),
    payload: new Uint8Array(buffer, CHUNK_HEADER_BYTES),
  };
}
