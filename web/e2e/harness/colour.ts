/** What every pixel of a solid picture has: BT.601 with limited range, as browsers read VP8. */
export interface Colour {
  readonly y: number;
  readonly cb: number;
  readonly cr: number;
}

/** Red, green and blue from 0 to 255, as a canvas gives them. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Coding blurs colours a little; the palette's differ by far more. */
export const COLOUR_TOLERANCE = 45;

/** Whether a picture of this colour was seen. */
export function isSame(a: Rgb | undefined, b: Rgb): boolean {
  return a?.every((level, i) => Math.abs(level - (b[i] ?? 0)) <= COLOUR_TOLERANCE) === true;
}

/** What the canned clips of the Go client show. */
export const clipColours = { vp9: [0, 0, 255], h264: [255, 255, 0], av1: [255, 0, 255] } as const satisfies Record<
  string,
  Rgb
>;

const levels = [30, 130, 230];

/** Colours that can all be told apart, and from those of the clips: two of them differ by 100 in some component. */
export const palette: readonly Rgb[] = levels
  .flatMap((red) => levels.flatMap((green) => levels.map((blue): Rgb => [red, green, blue])))
  .filter((rgb) => !Object.values(clipColours).some((clip) => isSame(rgb, clip)))
  // Neighbours in a list shall not be neighbours in colour.
  .map((rgb, i) => ({ rgb, order: (i * 11) % 24 }))
  .toSorted((a, b) => a.order - b.order)
  .map(({ rgb }) => rgb);

/** A colour of the palette. */
export function paint(index: number): Rgb {
  const rgb = palette[index];
  if (rgb === undefined) throw new Error(`there are only ${palette.length} colours`);
  return rgb;
}

export function toYCbCr([red, green, blue]: Rgb): Colour {
  const y = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255;
  const cb = 128 + (-37.797 * red - 74.203 * green + 112 * blue) / 255;
  const cr = 128 + (112 * red - 93.786 * green - 18.214 * blue) / 255;
  return { y: Math.round(y), cb: Math.round(cb), cr: Math.round(cr) };
}
