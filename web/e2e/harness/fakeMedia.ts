import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Rgb, toYCbCr } from './colour.ts';
import { outFolder } from './paths.ts';

/** What a browser's fake camera shows: the colour of each pixel, by its place from 0 to 1. */
export type Picture = Rgb | ((x: number, y: number) => Rgb);

interface VideoOptions {
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
}

/** Writes a film of one picture, which Chromium plays over and over as its camera. Returns the path. */
export function fakeCamera(
  name: string,
  picture: Picture,
  { width = 320, height = 180, fps = 20 }: VideoOptions = {},
): string {
  const file = path.join(outFolder('media'), `${name}.y4m`);
  const luma = Buffer.alloc(width * height);
  const blue = Buffer.alloc((width * height) / 4);
  const red = Buffer.alloc((width * height) / 4);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const rgb = typeof picture === 'function' ? picture(column / width, row / height) : picture;
      const { y, cb, cr } = toYCbCr(rgb);
      luma[row * width + column] = y;
      // Colour has half the resolution.
      const half = (row >> 1) * (width >> 1) + (column >> 1);
      blue[half] = cb;
      red[half] = cr;
    }
  }
  const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, blue, red]);
  writeFileSync(file, Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F${fps}:1\n`), frame, frame]));
  return file;
}

/** The tones of microphones in Hz: none is a multiple of another. */
export const tones = [440, 710, 1130, 1570] as const;

const RATE = 48_000;

/**
 * Writes a tone that Chromium plays over and over as its microphone. It swells and fades like speech, since what is
 * steady counts as noise, and noise is suppressed. Returns the path.
 */
export function fakeMicrophone(hz: number): string {
  const file = path.join(outFolder('media'), `tone${hz}.wav`);
  if (existsSync(file)) return file;
  const seconds = 4;
  const data = Buffer.alloc(seconds * RATE * 2);
  for (let i = 0; i < seconds * RATE; i++) {
    const loudness = 0.25 * (1 - Math.cos((2 * Math.PI * 3 * i) / RATE)) ** 2;
    data.writeInt16LE(Math.round(12_000 * loudness * Math.sin((2 * Math.PI * hz * i) / RATE)), i * 2);
  }
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // mono
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  writeFileSync(file, Buffer.concat([header, data]));
  return file;
}
