import type { VideoCodec } from './types.ts';

/** The size of a picture in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** One encoding of a video: a member of `RTCRtpSendParameters.encodings`. */
export interface Encoding {
  readonly rid?: string;
  readonly active: boolean;
  /** Of pictures. */
  readonly scaleResolutionDownBy?: number;
  /** In bits per second. */
  readonly maxBitrate: number;
  readonly scalabilityMode?: string;
}

/** How a camera is to be encoded. */
export interface CameraEncoding {
  /** The codec that the browser will send with. */
  readonly codec: VideoCodec | undefined;
  /** Several qualities, so that each participant gets what its tile needs. */
  readonly simulcast: boolean;
  /** Of VP9 and AV1, which have their qualities inside one stream. */
  readonly scalabilityMode: string;
}

/** The RIDs of a simulcast camera, the smallest picture first: the server counts its layers in this order. */
const RIDS = ['q', 'h', 'f'] as const;

/** Everything that is there is wanted: what holds until the server says otherwise. */
export const ALL_LAYERS = Number.MAX_SAFE_INTEGER;

/**
 * How many encodings a picture of this size gets, each with half the height of the next. These are Chromium's own bounds:
 * it stays silent on the last encodings of a picture that is smaller, which would be its best ones.
 */
function rungs(size: Size | undefined): number {
  const pixels = size ? size.width * size.height : Infinity;
  return pixels >= 960 * 540 ? 3 : pixels >= 480 * 270 ? 2 : 1;
}

/** What is worth spending on a camera's picture: 1.5 Mbit/s at 1280x720, about a third for each quarter of the pixels. */
function maxBitrateOf(size: Size, scale: number): number {
  const pixels = (size.width * size.height) / scale ** 2;
  const bits = 1_500_000 * (pixels / (1280 * 720)) ** 0.83;
  return Math.round(Math.min(Math.max(bits, 100_000), 3_000_000) / 10_000) * 10_000;
}

/** Stands in for the size of a camera that is not known. */
const USUAL: Size = { width: 1280, height: 720 };

/**
 * The encodings of a camera.
 *
 * @param size The camera's; undefined while there is none. The number of encodings stays what it is when another camera
 * takes over; those that a small picture does not need are then inactive.
 * @param highest The highest encoding, counted from 0, that somebody wants; -1 for none.
 */
export function cameraEncodings(how: CameraEncoding, size: Size | undefined, highest = ALL_LAYERS): Encoding[] {
  const picture = size ?? USUAL;
  if (how.simulcast && hasSimulcast(how.codec)) {
    const count = rungs(size);
    return RIDS.map((rid, i) => {
      const scale = 2 ** Math.max(count - 1 - i, 0);
      const active = i < count && i <= highest;
      return { rid, active, scaleResolutionDownBy: scale, maxBitrate: maxBitrateOf(picture, scale) };
    });
  }
  const single = { active: highest >= 0, scaleResolutionDownBy: 1, maxBitrate: maxBitrateOf(picture, 1) };
  return [how.simulcast ? { ...single, scalabilityMode: how.scalabilityMode } : single];
}

/**
 * Whether several pictures in separate streams are the way to have several qualities. VP9 and AV1 have spatial layers,
 * which cost less; and Firefox sends all encodings of VP9 in the smallest size.
 */
function hasSimulcast(codec: VideoCodec | undefined): boolean {
  return codec === 'vp8' || codec === 'h264' || codec === 'h265';
}

/**
 * The encodings that a sender should have instead of those it has; undefined if there is nothing to change. Others than
 * `wanted` are left as they are, for a browser or an answer may have taken away some.
 */
export function changedEncodings<E extends RTCRtpEncodingParameters>(
  has: readonly E[],
  wanted: readonly Encoding[],
): E[] | undefined {
  const encodings = has.map((encoding, i) => {
    const want = wanted.find(({ rid }) => rid !== undefined && rid === encoding.rid) ?? wanted[i];
    if (!want || want.rid !== encoding.rid) {
      return encoding;
    }
    const { active, scaleResolutionDownBy = 1, maxBitrate } = want;
    if (
      encoding.active === active &&
      // Of an encoding that sleeps, the size is of no matter.
      (!active || (encoding.scaleResolutionDownBy ?? 1) === scaleResolutionDownBy) &&
      (!active || encoding.maxBitrate === maxBitrate)
    ) {
      return encoding;
    }
    return { ...encoding, active, scaleResolutionDownBy, maxBitrate };
  });
  return encodings.every((encoding, i) => encoding === has[i]) ? undefined : encodings;
}
