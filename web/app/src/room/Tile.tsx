import type { RemoteMedia } from '@hiroba/sdk';
import { Expand, EyeOff, MicOff, Monitor, Pin, PinOff, Shrink, SwitchCamera } from 'lucide-react';
import { type CSSProperties, memo, type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Call } from '../call/call.ts';
import { useStore } from '../call/hooks.ts';
import type { SpeakingRings } from '../call/speakingRings.ts';
import type { StatsPoller } from '../call/statsPoller.ts';
import { type SelfView, sends, type TileItem } from '../call/tiles.ts';
import { canFlip } from '../devices/canFlip.ts';
import { sentTrack } from '../devices/localMedia.ts';
import type { Role } from '../layout/arrange.ts';
import type { Box } from '../layout/grid.ts';
import { Avatar, hueStyle } from '../ui/Avatar.tsx';
import { IconButton, IconToggle } from '../ui/Controls.tsx';
import { TrackVideo } from '../ui/TrackVideo.tsx';
import { QualityMark } from './QualityMark.tsx';
import { SeatVideo } from './SeatVideo.tsx';
import type { Floating } from './useFloating.ts';

/** Whether a picture is there: `off` shows letters, `coming` shows that one is on its way. */
type Picture = 'off' | 'coming' | 'playing';

interface TileFrameProps {
  readonly item: TileItem;
  readonly role: Role | 'float';
  readonly box: Box;
  readonly label: string;
  readonly picture: Picture;
  readonly isMuted: boolean;
  readonly isOwn: boolean;
  readonly isWhole: boolean;
  readonly rings: SpeakingRings;
  /** The video, if there is one. */
  readonly children: ReactNode;
  readonly actions: ReactNode;
  readonly mark?: ReactNode;
  readonly note?: string | undefined;
  readonly floating?: Floating | undefined;
}

const position = ({ x, y, width, height }: Box): CSSProperties => ({
  transform: `translate(${x}px, ${y}px)`,
  width,
  height,
});

function TileFrame(props: TileFrameProps): ReactNode {
  const { item, role, box, label, picture, isMuted, isOwn, isWhole, rings, children, actions, mark, note, floating } =
    props;
  const { t } = useTranslation();
  const element = useRef<HTMLLIElement>(null);
  const [isTouched, touch] = useTouched();
  const { id, name } = item.participant;
  useEffect(() => {
    if (element.current === null || item.source === 'screen') return undefined;
    return rings.add(id, element.current);
  }, [rings, id, item.source]);
  return (
    <li
      ref={element}
      className="tile"
      style={{ ...hueStyle(name), ...position(box) }}
      data-testid="tile"
      data-name={name}
      data-source={item.source}
      data-self={isOwn || undefined}
      data-role={role}
      data-picture={picture}
      data-whole={isWhole || undefined}
      data-dragging={floating?.isDragging === true || undefined}
      data-touched={isTouched || undefined}
      onPointerDown={floating?.onPointerDown}
      onPointerUp={(event) => {
        // A tap on a button is for the button, which must not vanish under the finger.
        if (event.pointerType === 'touch' && !(event.target as Element).closest('button')) touch();
      }}
    >
      <div className="tile-picture" {...(isOwn ? { 'data-testid': 'self-view' } : {})}>
        {children}
        {picture !== 'playing' && (
          <div className="tile-empty">
            {item.source === 'screen' ? <Monitor aria-hidden className="tile-screen" /> : <Avatar name={name} />}
            {picture === 'coming' && <span className="visually-hidden">{t('tile.coming')}</span>}
            {note !== undefined && <p className="tile-note">{note}</p>}
          </div>
        )}
      </div>
      <div className="tile-actions">{actions}</div>
      <div className="tile-plate">
        {isMuted && (
          <span className="tile-muted" data-testid="muted">
            <MicOff aria-hidden />
            <span className="visually-hidden">{t('tile.muted')}</span>
          </span>
        )}
        <span className="tile-name">{label}</span>
        {mark}
      </div>
    </li>
  );
}

/** Whether a finger has asked for the buttons of a tile; they go again by themselves. */
function useTouched(): readonly [boolean, () => void] {
  const [isTouched, setTouched] = useState(false);
  useEffect(() => {
    if (!isTouched) return undefined;
    const timer = setTimeout(() => {
      setTouched(false);
    }, 4000);
    return () => {
      clearTimeout(timer);
    };
  }, [isTouched]);
  const touch = (): void => {
    setTouched((before) => !before);
  };
  return [isTouched, touch];
}

interface PinProps {
  readonly item: TileItem;
  readonly label: string;
  readonly isPinned: boolean;
  readonly onPin: (key: string) => void;
}

function PinButton({ item, label, isPinned, onPin }: PinProps): ReactNode {
  const { t } = useTranslation();
  return (
    <IconToggle
      on={PinOff}
      off={Pin}
      label={isPinned ? t('tile.unpin', { name: label }) : t('tile.pin', { name: label })}
      isSelected={isPinned}
      onChange={() => {
        onPin(item.key);
      }}
      className="tile-action"
    />
  );
}

interface RemoteTileProps {
  readonly item: TileItem;
  readonly media: RemoteMedia | undefined;
  readonly role: Role;
  readonly box: Box;
  readonly rings: SpeakingRings;
  readonly stats: StatsPoller;
  readonly isPinned: boolean;
  readonly onPin: (key: string) => void;
}

/** Somebody else's camera or screen. */
function AnyRemoteTile(props: RemoteTileProps): ReactNode {
  const { item, media, role, box, rings, stats, isPinned, onPin } = props;
  const { participant, source } = item;
  const { t } = useTranslation();
  // A face may be cropped, letters on a screen may not.
  const [isWhole, setWhole] = useState(source === 'screen');
  const label = source === 'screen' ? t('tile.screenOf', { name: participant.name }) : participant.name;
  const isSent = sends(participant, source);
  const codec = media?.unsupportedCodec;
  const isPlaying = isSent && media?.hasVideo === true && media.playing;
  return (
    <TileFrame
      item={item}
      role={role}
      box={box}
      label={label}
      picture={isPlaying ? 'playing' : isSent && codec === undefined ? 'coming' : 'off'}
      isMuted={source === 'camera' && !sends(participant, 'microphone')}
      isOwn={false}
      isWhole={isWhole}
      rings={rings}
      note={isSent && codec !== undefined ? t('tile.codec', { codec }) : undefined}
      mark={source === 'camera' && isPlaying ? <QualityMark stats={stats} participant={participant.id} /> : undefined}
      actions={
        <>
          {isPlaying && (
            <IconButton
              icon={isWhole ? Expand : Shrink}
              label={isWhole ? t('tile.fill') : t('tile.fit')}
              className="tile-action"
              onPress={() => {
                setWhole(!isWhole);
              }}
            />
          )}
          <PinButton item={item} label={label} isPinned={isPinned} onPin={onPin} />
        </>
      }
    >
      {media !== undefined && <SeatVideo stream={media.stream} isVisible={isPlaying} />}
    </TileFrame>
  );
}

const sameBox = (a: Box, b: Box): boolean => a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

/** Drawn again only when something about this tile changed: in a full room somebody changes all the time. */
export const RemoteTile = memo(
  AnyRemoteTile,
  (a, b) =>
    a.item === b.item &&
    a.media === b.media &&
    a.role === b.role &&
    a.isPinned === b.isPinned &&
    a.onPin === b.onPin &&
    a.rings === b.rings &&
    a.stats === b.stats &&
    sameBox(a.box, b.box),
);

interface OwnTileProps {
  readonly item: TileItem;
  readonly call: Call;
  readonly role: Role | 'float';
  readonly box: Box;
  readonly isPinned: boolean;
  readonly onPin: (key: string) => void;
  readonly onSelfView: (view: SelfView) => void;
  readonly floating?: Floating;
}

/** One's own camera, as in a mirror. A screen of one's own is not shown: it is there already, and would show itself. */
export function OwnTile({ item, call, role, box, isPinned, onPin, onSelfView, floating }: OwnTileProps): ReactNode {
  const { t } = useTranslation();
  const { microphone, camera, facing, devices } = useStore(call.media);
  const track = camera.wanted ? camera.track : undefined;
  const label = t('tile.you', { name: item.participant.name });
  return (
    <TileFrame
      item={item}
      role={role}
      box={box}
      label={label}
      picture={track !== undefined ? 'playing' : camera.starting ? 'coming' : 'off'}
      isMuted={sentTrack(microphone) === null}
      isOwn
      isWhole={false}
      rings={call.rings}
      floating={floating}
      actions={
        <>
          {track !== undefined && canFlip(devices) && (
            <IconButton
              icon={SwitchCamera}
              label={t('device.flip')}
              className="tile-action"
              onPress={() => void call.media.flip()}
            />
          )}
          {role === 'float' && (
            <IconButton
              icon={EyeOff}
              label={t('tile.hideSelf')}
              className="tile-action"
              onPress={() => {
                onSelfView('hidden');
              }}
            />
          )}
          {role !== 'float' && <PinButton item={item} label={label} isPinned={isPinned} onPin={onPin} />}
        </>
      }
    >
      {track !== undefined && <TrackVideo track={track} isMirrored={facing !== 'environment'} />}
    </TileFrame>
  );
}
