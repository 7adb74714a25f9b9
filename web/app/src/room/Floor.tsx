import { ChevronLeft, ChevronRight } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { useRoom } from '../call/hooks.ts';
import {
  cameraTile,
  movedKey,
  othersTiles,
  resolveSelfView,
  screenOrder,
  type SelfView,
  stageKey,
  type TileItem,
} from '../call/tiles.ts';
import { arrange } from '../layout/arrange.ts';
import { IconButton } from '../ui/Controls.tsx';
import { Alone } from './Alone.tsx';
import { OwnTile, RemoteTile } from './Tile.tsx';
import { useFloating } from './useFloating.ts';
import { useSize } from './useSize.ts';
import { useView } from './useView.ts';

/** The most tiles on a page: beyond that nobody is recognised, and the browser decodes no more at ease. */
const maxTilesOf = (width: number): number => (width < 600 ? 6 : 16);

interface FloorProps {
  readonly call: Call;
  readonly selfView: SelfView;
  readonly onSelfView: (view: SelfView) => void;
}

/** Where the people are. */
export function Floor({ call, selfView, onSelfView }: FloorProps): ReactNode {
  const { t } = useTranslation();
  const { room } = call;
  const others = useRoom(room, 'participants');
  const media = useRoom(room, 'media');
  useRoom(room, 'state'); // oneself is there from the first "joined" on, and is another one after a fresh join
  const { self } = room;
  const [floor, area] = useSize<HTMLUListElement>();
  const floating = useFloating(area, others.length === 0);
  const [wantedPage, setWantedPage] = useState(0);
  const [pinned, setPinned] = useState<string>();
  const [order, setOrder] = useState<readonly string[]>([]);

  // After a move to another server the same people have other keys.
  useEffect(
    () =>
      room.on('moved', (ids) => {
        setPinned((key) => movedKey(key, ids));
        setOrder((keys) => keys.flatMap((key) => movedKey(key, ids) ?? []));
      }),
    [room],
  );

  const remote = useMemo(() => othersTiles(others), [others]);
  const nextOrder = screenOrder(order, remote);
  if (nextOrder !== order) setOrder(nextOrder);

  const ownCamera = self === undefined ? undefined : cameraTile(self);
  const tiles = useMemo(
    () => new Map([...remote, ...(ownCamera === undefined ? [] : [ownCamera])].map((tile) => [tile.key, tile])),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the key names oneself; a mute of one's own is no new tile
    [remote, ownCamera?.key],
  );
  const stage = stageKey(pinned, [...tiles.values()], nextOrder);
  const where = resolveSelfView(selfView, others.length, stage !== undefined);
  const ownKey = where === 'grid' ? ownCamera?.key : undefined;
  const arrangement = useMemo(
    () =>
      arrange({
        area,
        others: remote.map((tile) => tile.key),
        own: ownKey,
        stage,
        page: wantedPage,
        maxTiles: Math.min(maxTilesOf(area.width), Math.max(room.limits?.seats ?? 16, 1)),
      }),
    [remote, area, ownKey, stage, wantedPage, room],
  );
  useView(room, arrangement.placed, tiles);

  const { placed, page, pages } = arrangement;
  const pin = useCallback((key: string) => {
    setPinned((before) => (before === key ? undefined : key));
  }, []);
  const turn = (by: number): void => {
    setWantedPage(page + by);
  };
  const props = (
    tile: TileItem,
  ): { readonly item: TileItem; readonly isPinned: boolean; readonly onPin: typeof pin } => ({
    item: tile,
    isPinned: pinned === tile.key,
    onPin: pin,
  });

  const mediaOf = (tile: TileItem): (typeof media)[number] | undefined =>
    media.find((one) => one.participant === tile.participant.id && one.source === tile.source);

  return (
    <div
      className="floor"
      data-stage={placed.some(({ role }) => role === 'stage') || undefined}
      data-paged={pages > 1 || undefined}
    >
      <ul className="floor-tiles" ref={floor} aria-label={t('room.floor')}>
        {placed.map(({ key, role, box }) => {
          const tile = tiles.get(key);
          if (tile === undefined) return null;
          return tile.participant.id === self?.id ? (
            <OwnTile key={key} {...props(tile)} call={call} role={role} box={box} onSelfView={onSelfView} />
          ) : (
            <RemoteTile
              key={key}
              {...props(tile)}
              rings={call.rings}
              stats={call.stats}
              media={mediaOf(tile)}
              role={role}
              box={box}
            />
          );
        })}
        {where === 'float' && ownCamera !== undefined && (
          <OwnTile
            key={ownCamera.key}
            {...props(ownCamera)}
            call={call}
            role="float"
            box={floating.box}
            floating={floating}
            onSelfView={onSelfView}
          />
        )}
      </ul>
      {others.length === 0 && <Alone roomName={call.roomName} />}
      {pages > 1 && (
        <nav className="pager">
          <IconButton
            icon={ChevronLeft}
            label={t('room.previousPage')}
            isDisabled={page === 0}
            onPress={() => {
              turn(-1);
            }}
          />
          <span className="pager-count">{t('room.page', { page: page + 1, pages })}</span>
          <IconButton
            icon={ChevronRight}
            label={t('room.nextPage')}
            isDisabled={page === pages - 1}
            onPress={() => {
              turn(1);
            }}
          />
        </nav>
      )}
    </div>
  );
}
