import { describe, expect, it } from 'vitest';
import { cameraEncodings, changedEncodings } from '../src/encodings.ts';
import type { CameraEncoding, Encoding, Size } from '../src/encodings.ts';

const how = (codec: CameraEncoding['codec'], simulcast = true): CameraEncoding => ({
  codec,
  simulcast,
  scalabilityMode: 'L3T3_KEY',
});

/** The pictures that are sent, such as `q 320x180`. */
const pictures = (encodings: readonly Encoding[], { width, height }: Size): string[] =>
  encodings.flatMap(({ rid = '', active, scaleResolutionDownBy = 1 }) =>
    active ? [`${rid} ${width / scaleResolutionDownBy}x${height / scaleResolutionDownBy}`.trim()] : [],
  );

describe('cameraEncodings', () => {
  it('are three of VP8 and H.264, the smallest picture first', () => {
    for (const codec of ['vp8', 'h264', 'h265'] as const) {
      const encodings = cameraEncodings(how(codec), { width: 1280, height: 720 });
      expect(encodings).toEqual([
        { rid: 'q', active: true, scaleResolutionDownBy: 4, maxBitrate: 150_000 },
        { rid: 'h', active: true, scaleResolutionDownBy: 2, maxBitrate: 470_000 },
        { rid: 'f', active: true, scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
      ]);
    }
  });

  it.each([
    [{ width: 1920, height: 1080 }, ['q 480x270', 'h 960x540', 'f 1920x1080']],
    [{ width: 720, height: 1280 }, ['q 180x320', 'h 360x640', 'f 720x1280']],
    [{ width: 640, height: 480 }, ['q 320x240', 'h 640x480']],
    [{ width: 640, height: 360 }, ['q 320x180', 'h 640x360']],
    [{ width: 320, height: 180 }, ['q 320x180']],
  ])('of a camera of %o always have its full size', (size, expected) => {
    const encodings = cameraEncodings(how('vp8'), size);
    expect(pictures(encodings, size)).toEqual(expected);
    // Their number must not depend on the camera: another one may take over.
    expect(encodings.map(({ rid }) => rid)).toEqual(['q', 'h', 'f']);
  });

  it.each([
    [-1, []],
    [0, ['q 320x180']],
    [1, ['q 320x180', 'h 640x360']],
    [2, ['q 320x180', 'h 640x360', 'f 1280x720']],
    [3, ['q 320x180', 'h 640x360', 'f 1280x720']],
  ])('up to %i are sent', (highest, expected) => {
    const size = { width: 1280, height: 720 };
    expect(pictures(cameraEncodings(how('vp8'), size, highest), size)).toEqual(expected);
  });

  it('is one of VP9 and AV1, with layers inside', () => {
    for (const codec of ['vp9', 'av1'] as const) {
      const [encoding, ...others] = cameraEncodings(how(codec), { width: 1280, height: 720 });
      expect(encoding).toMatchObject({ active: true, scalabilityMode: 'L3T3_KEY', maxBitrate: 1_500_000 });
      expect(encoding).not.toHaveProperty('rid');
      expect(others).toEqual([]);
      expect(cameraEncodings(how(codec), undefined, 0)).toMatchObject([{ active: true }]);
      expect(cameraEncodings(how(codec), undefined, -1)).toMatchObject([{ active: false }]);
    }
  });

  it('is a single plain one without simulcast', () => {
    for (const codec of ['vp8', 'vp9', undefined] as const) {
      const [encoding, ...others] = cameraEncodings(how(codec, false), undefined);
      expect(encoding).toEqual({ active: true, scaleResolutionDownBy: 1, maxBitrate: 1_500_000 });
      expect(others).toEqual([]);
    }
  });
});

describe('changedEncodings', () => {
  const size = { width: 1280, height: 720 };
  const all = cameraEncodings(how('vp8'), size);

  it('is nothing when all is as it should be', () => {
    expect(changedEncodings(all, cameraEncodings(how('vp8'), size))).toBeUndefined();
    expect(changedEncodings(cameraEncodings(how('vp8'), size, -1), cameraEncodings(how('vp8'), size, -1))).toBe(
      undefined,
    );
  });

  it('keeps what it knows nothing of', () => {
    const has = all.map((encoding) => ({ ...encoding, priority: 'high' as const }));
    const changed = changedEncodings(has, cameraEncodings(how('vp8'), size, 1));
    expect(changed).toMatchObject([
      { rid: 'q', active: true, priority: 'high' },
      { rid: 'h', active: true, priority: 'high' },
      { rid: 'f', active: false, priority: 'high' },
    ]);
  });

  it('follows another camera', () => {
    const small = { width: 640, height: 360 };
    const changed = changedEncodings(all, cameraEncodings(how('vp8'), small));
    expect(pictures(changed ?? [], small)).toEqual(['q 320x180', 'h 640x360']);
  });

  it('does not touch the one encoding that a browser made of many', () => {
    expect(changedEncodings([{ active: true }], cameraEncodings(how('vp8'), size, 0))).toBeUndefined();
  });
});
