import type { View, WireTile } from './protocol.ts';
import type { Tile } from './types.ts';

/** Tiles glide and windows are dragged: no more than one message in this time. */
const INTERVAL_MS = 50;

/**
 * Tells the server what the page shows. The first change goes out at once, what follows within 50 ms is merged; what
 * equals the last message is not sent.
 */
export class ViewSender {
  readonly #send: (view: View) => boolean;
  #tiles: readonly Tile[] | undefined;
  #maxTiles = Infinity;
  #sent: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (view: View) => boolean) {
    this.#send = send;
  }

  set(tiles: readonly Tile[]): void {
    this.#tiles = tiles;
    if (this.#timer === undefined) {
      this.#flush();
    }
  }

  /** A welcome: the server may not know our view, or not the latest. */
  repeat(maxTiles: number): void {
    this.#maxTiles = maxTiles;
    this.#sent = undefined;
    this.#flush();
  }

  /** The same people have other IDs now: `ids` is from the former ones. */
  moved(ids: ReadonlyMap<string, string>, maxTiles: number): void {
    this.#tiles = this.#tiles?.flatMap((tile) => {
      const participant = ids.get(tile.participant);
      return participant === undefined ? [] : [{ ...tile, participant }];
    });
    this.repeat(maxTiles);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tiles = undefined;
  }

  #flush(): void {
    if (!this.#tiles) {
      return;
    }
    const view: View = { type: 'view', tiles: wireTiles(this.#tiles, this.#maxTiles) };
    const text = JSON.stringify(view);
    if (text === this.#sent) {
      return;
    }
    if (this.#send(view)) {
      this.#sent = text;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#flush();
      }, INTERVAL_MS);
    }
  }
}

/** Pinned tiles first, so that they survive the server's limit; sizes as whole, positive pixels. */
function wireTiles(tiles: readonly Tile[], max: number): WireTile[] {
  const ordered = [...tiles.filter((tile) => tile.pinned), ...tiles.filter((tile) => !tile.pinned)];
  return ordered.slice(0, max).map(({ participant, source, width, height, pinned }) => {
    const tile = { participant, source, width: pixels(width), height: pixels(height) };
    return pinned ? { ...tile, pinned } : tile;
  });
}

function pixels(length: number): number {
  return Number.isFinite(length) ? Math.max(1, Math.round(length)) : 1;
}
