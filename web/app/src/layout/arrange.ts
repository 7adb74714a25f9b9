import { type Box, gridCapacity, type Shape, shapeFor, type Size, tileGrid, widescreen } from './grid.ts';
import { paginate } from './pages.ts';

/** Where a tile stands: alone in front, in the strip beside the one in front, or one among equals. */
export type Role = 'stage' | 'strip' | 'grid';

export interface Placed {
  readonly key: string;
  readonly role: Role;
  readonly box: Box;
}

/** What has to be arranged. Keys name tiles. */
export interface Scene {
  readonly area: Size;
  /** Others' tiles, in the order they are shown. */
  readonly others: readonly string[];
  /** One's own tile, unless it floats or is hidden. */
  readonly own: string | undefined;
  /** The tile in front: a pinned one or a shared screen; one of the above. */
  readonly stage: string | undefined;
  /** The page that is wanted, from 0. */
  readonly page: number;
  /** The most tiles on one page, the one in front included. */
  readonly maxTiles: number;
}

export interface Arrangement {
  readonly placed: readonly Placed[];
  readonly page: number;
  readonly pages: number;
}

const gap = 8;
/** Below this a face cannot be read; a phone is held closer. */
const minTileWidth = (area: Size): number => (area.width < 600 ? 130 : 200);

/** Lays out the floor. Everything that is placed fits into the area; what does not fit is on other pages. */
export function arrange(scene: Scene): Arrangement {
  if (scene.area.width < 1 || scene.area.height < 1) return { placed: [], page: 0, pages: 1 };
  return scene.stage === undefined ? arrangeGrid(scene) : arrangeStage(scene, scene.stage);
}

function arrangeGrid(scene: Scene): Arrangement {
  const { area } = scene;
  const capacity = gridCapacity(area, gap, minTileWidth(area), scene.maxTiles);
  const { items, page, pages } = paginate(scene.others, scene.own, capacity, scene.page);
  const { boxes } = tileGrid(area, items.length, gap);
  return { placed: place(items, boxes, 'grid', { x: 0, y: 0 }), page, pages };
}

function arrangeStage(scene: Scene, stage: string): Arrangement {
  const { area } = scene;
  const others = scene.others.filter((key) => key !== stage);
  const own = scene.own === stage ? undefined : scene.own;
  if (others.length === 0 && own === undefined) {
    return { placed: [{ key: stage, role: 'stage', box: { x: 0, y: 0, ...area } }], page: 0, pages: 1 };
  }
  const { front, strip, shape, capacity } = area.width < area.height ? splitUpright(area) : splitWide(area);
  const { items, page, pages } = paginate(others, own, Math.min(capacity, Math.max(1, scene.maxTiles - 1)), scene.page);
  const { boxes } = tileGrid(strip, items.length, gap, shape ?? shapeFor(strip, items.length));
  return { placed: [{ key: stage, role: 'stage', box: front }, ...place(items, boxes, 'strip', strip)], page, pages };
}

interface Split {
  readonly front: Box;
  readonly strip: Box;
  /** The shape of the tiles in the strip, if not that of any grid. */
  readonly shape: Shape | undefined;
  /** How many tiles the strip takes. */
  readonly capacity: number;
}

/** A column of people at the right of what is in front. */
function splitWide(area: Size): Split {
  const width = Math.round(Math.min(Math.max(area.width * 0.18, 132), 280));
  const tileHeight = width / widescreen.widest;
  return {
    front: { x: 0, y: 0, width: area.width - width - gap, height: area.height },
    strip: { x: area.width - width, y: 0, width, height: area.height },
    shape: widescreen,
    capacity: Math.max(1, Math.floor((area.height + gap) / (tileHeight + gap))),
  };
}

/** What is in front above, as high as a wide picture needs, and a grid of people in the rest. */
function splitUpright(area: Size): Split {
  const height = Math.round(Math.min((area.width * 9) / 16, area.height * 0.6));
  const strip = { x: 0, y: height + gap, width: area.width, height: area.height - height - gap };
  return {
    front: { x: 0, y: 0, width: area.width, height },
    strip,
    shape: undefined,
    capacity: gridCapacity(strip, gap, 110, 12),
  };
}

function place(keys: readonly string[], boxes: readonly Box[], role: Role, at: { x: number; y: number }): Placed[] {
  return keys.flatMap((key, i) => {
    const box = boxes[i];
    return box === undefined ? [] : [{ key, role, box: { ...box, x: box.x + at.x, y: box.y + at.y } }];
  });
}
