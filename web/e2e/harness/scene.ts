import type { Rgb } from './colour.ts';

/** What a painted person is made of. */
interface Palette {
  readonly sky: Rgb;
  readonly ground: Rgb;
  readonly skin: Rgb;
  readonly hair: Rgb;
  readonly shirt: Rgb;
}

const palettes: readonly Palette[] = [
  { sky: [250, 226, 201], ground: [235, 170, 146], skin: [241, 201, 170], hair: [52, 38, 46], shirt: [62, 106, 132] },
  { sky: [206, 230, 226], ground: [120, 170, 168], skin: [146, 96, 66], hair: [28, 24, 28], shirt: [236, 178, 76] },
  { sky: [222, 216, 240], ground: [150, 140, 196], skin: [250, 218, 194], hair: [176, 98, 52], shirt: [86, 126, 88] },
  { sky: [214, 228, 246], ground: [126, 156, 200], skin: [222, 176, 138], hair: [92, 76, 70], shirt: [178, 78, 82] },
];

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** 0 outside, 1 inside, and soft at the edge. `distance` is negative inside. */
const cover = (distance: number): number => Math.min(1, Math.max(0, 0.5 - distance * 240));

/** How far a point is from an ellipse, near enough for drawing. */
const ellipse = (x: number, y: number, cx: number, cy: number, rx: number, ry: number): number =>
  (Math.hypot((x - cx) / rx, (y - cy) / ry) - 1) * Math.min(rx, ry);

/** Somebody in front of a window, painted with a few shapes, for pictures that are nice to look at. */
export function person(index: number): (x: number, y: number) => Rgb {
  const palette = palettes[index % palettes.length];
  if (palette === undefined) throw new Error('no palette');
  const { sky, ground, skin, hair, shirt } = palette;
  const lean = [0, -0.05, 0.04, -0.02][index % 4] ?? 0;
  const hairLength = [0.22, 0.12, 0.3, 0.14][index % 4] ?? 0.2;
  return (column, y) => {
    // Heights are 0 to 1, widths as wide as the picture.
    const x = (column - 0.5) * (16 / 9) - lean;
    let rgb = mix(sky, ground, y ** 1.4);
    // Lights out of focus.
    for (let i = 0; i < 7; i++) {
      const cx = Math.sin(i * 2.4 + index) * 0.85;
      const cy = 0.12 + 0.5 * Math.abs(Math.sin(i * 1.7 + index * 2));
      const radius = 0.05 + 0.05 * Math.abs(Math.cos(i * 3 + index));
      rgb = mix(rgb, [255, 255, 255], 0.22 * cover(Math.hypot(x - cx, y - cy) - radius));
    }
    const paintOver = (colour: Rgb, distance: number): void => {
      rgb = mix(rgb, colour, cover(distance));
    };
    // Hair behind, shoulders, neck, face, ears, hair in front, eyes, mouth.
    paintOver(hair, ellipse(x, y, 0, 0.42 + hairLength * 0.4, 0.2, 0.2 + hairLength * 0.6));
    paintOver(shirt, ellipse(x, y, 0, 1.14, 0.46, 0.4));
    paintOver(mix(skin, [120, 60, 50], 0.18), ellipse(x, y, 0, 0.72, 0.075, 0.12));
    paintOver(skin, ellipse(x, y, 0, 0.46, 0.155, 0.205));
    paintOver(hair, Math.max(ellipse(x, y, 0, 0.37, 0.178, 0.16), -ellipse(x, y, 0.03, 0.52, 0.165, 0.17)));
    for (const side of [-1, 1]) paintOver([40, 32, 34], ellipse(x, y, side * 0.058, 0.46, 0.014, 0.017));
    const smile = Math.max(ellipse(x, y, 0, 0.545, 0.052, 0.035), -ellipse(x, y, 0, 0.525, 0.06, 0.036));
    paintOver([160, 70, 72], smile);
    return rgb;
  };
}
