import type { Box, Size } from './grid.ts';

/** Where one's own picture floats. "Start" is the left. */
export type Corner = 'top-start' | 'top-end' | 'bottom-start' | 'bottom-end';

const margin = 12;

/** The place of one's own picture in a corner; larger while one is alone. */
export function cornerBox(area: Size, corner: Corner, isLarge: boolean): Box {
  // A phone held upright has an upright camera.
  const isUpright = area.width < area.height;
  const share = isUpright ? 0.26 : isLarge ? 0.24 : 0.19;
  const width = Math.round(Math.min(Math.max(area.width * share, 96), isLarge ? 320 : 256, area.width / 2));
  const height = Math.round(isUpright ? (width * 4) / 3 : (width * 9) / 16);
  return {
    x: corner.endsWith('end') ? Math.max(0, area.width - width - margin) : margin,
    y: corner.startsWith('bottom') ? Math.max(0, area.height - height - margin) : margin,
    width,
    height,
  };
}

/** The corner that a picture was dragged towards. */
export function nearestCorner(area: Size, box: Box): Corner {
  const isEnd = box.x + box.width / 2 > area.width / 2;
  const isBottom = box.y + box.height / 2 > area.height / 2;
  return `${isBottom ? 'bottom' : 'top'}-${isEnd ? 'end' : 'start'}`;
}
