/** A size in CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle in CSS pixels, from the top left corner of the floor. */
export interface Box extends Size {
  readonly x: number;
  readonly y: number;
}

/** The shapes a tile may take, as width divided by height. */
export interface Shape {
  readonly narrowest: number;
  readonly widest: number;
}

/** A grid of equal tiles. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly tile: Size;
  /** One box per tile, row by row; a last row that is not full is centred. */
  readonly boxes: readonly Box[];
}

export const widescreen: Shape = { narrowest: 16 / 9, widest: 16 / 9 };

/**
 * On a window that stands upright (a phone), 16:9 would leave most of it empty: tiles there may grow to a portrait
 * of 4:5, and the picture is cropped to its middle.
 */
export const upright: Shape = { narrowest: 4 / 5, widest: 16 / 9 };

/** Somebody alone on a phone fills it, as in every call between two. */
const alone: Shape = { narrowest: 9 / 16, widest: 16 / 9 };

export function shapeFor(area: Size, count: number): Shape {
  if (area.width >= area.height) return widescreen;
  return count === 1 ? alone : upright;
}

function largestTile(cell: Size, shape: Shape): Size {
  const ratio = Math.min(Math.max(cell.width / cell.height, shape.narrowest), shape.widest);
  const width = Math.floor(Math.min(cell.width, cell.height * ratio));
  return { width: Math.max(width, 1), height: Math.max(Math.floor(width / ratio), 1) };
}

const nothing: Grid = { columns: 0, rows: 0, tile: { width: 0, height: 0 }, boxes: [] };

/** The number of columns that makes `count` tiles largest, and where each of them lies. Nothing ever scrolls. */
export function tileGrid(area: Size, count: number, gap: number, shape: Shape = shapeFor(area, count)): Grid {
  if (count < 1 || area.width < 1 || area.height < 1) return nothing;
  let best = { columns: 1, rows: count, tile: { width: 0, height: 0 } };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = {
      width: (area.width - gap * (columns - 1)) / columns,
      height: (area.height - gap * (rows - 1)) / rows,
    };
    if (cell.width < 1 || cell.height < 1) continue;
    const tile = largestTile(cell, shape);
    // On a tie the earlier one stays: fewer columns, so that names have room.
    if (tile.width * tile.height > best.tile.width * best.tile.height) best = { columns, rows, tile };
  }
  return { ...best, boxes: placeRows(area, count, gap, best) };
}

function placeRows(area: Size, count: number, gap: number, grid: Omit<Grid, 'boxes'>): readonly Box[] {
  const { columns, rows, tile } = grid;
  const top = Math.floor((area.height - rows * tile.height - (rows - 1) * gap) / 2);
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = Math.floor((area.width - inRow * tile.width - (inRow - 1) * gap) / 2);
    return { x: left + (index % columns) * (tile.width + gap), y: top + row * (tile.height + gap), ...tile };
  });
}

/**
 * How many tiles fit on one page: as many as keep each at least `minWidth` wide, and at most `maxTiles`; always one,
 * also in the smallest window.
 */
export function gridCapacity(area: Size, gap: number, minWidth: number, maxTiles: number): number {
  let capacity = 1;
  for (let count = 2; count <= maxTiles; count++) {
    // More tiles can be as wide as fewer ones (two in a row of three places), so look at all counts.
    if (tileGrid(area, count, gap).tile.width >= minWidth) capacity = count;
  }
  return capacity;
}
