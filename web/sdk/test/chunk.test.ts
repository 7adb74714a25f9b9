import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHUNK_HEADER_BYTES, encodeChunk, parseChunk } from '../src/files/chunk.ts';

interface Golden {
  readonly name: string;
  readonly transfer: number;
  readonly offset: number;
  readonly payload: string;
  readonly wire: string;
}

/** The examples that the Go side is tested with too. */
const golden = JSON.parse(
  readFileSync(new URL('../../../signaling/protocol/testdata/chunks.json', import.meta.url), 'utf8'),
) as Golden[];

const bytes = (hex: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (buffer: ArrayBuffer): string => Buffer.from(buffer).toString('hex');

describe('a chunk', () => {
  it.each(golden)('is laid out as specified: $name', ({ transfer, offset, payload, wire }) => {
    expect(hex(encodeChunk({ transfer, offset, payload: bytes(payload) }))).toBe(wire);
    expect(parseChunk(bytes(wire).buffer)).toEqual({ transfer, offset, payload: bytes(payload) });
  });

  it('is encoded from a part of a larger buffer', () => {
    const payload = new Uint8Array([9, 9, 1, 2, 9]).subarray(2, 4);
    expect(hex(encodeChunk({ transfer: 1, offset: 2, payload }))).toBe('0000000100000000000000020102');
  });

  it('has a payload', () => {
    expect(parseChunk(new ArrayBuffer(0))).toBeUndefined();
    expect(parseChunk(new ArrayBuffer(CHUNK_HEADER_BYTES))).toBeUndefined();
    expect(parseChunk(new ArrayBuffer(CHUNK_HEADER_BYTES + 1))?.payload.byteLength).toBe(1);
  });
});
