import type { WireSeatState } from './protocol.ts';
import type { ParticipantId, RemoteMedia, Source, VideoSource } from './types.ts';

/** What is known of one occupied seat. */
export interface SeatView {
  readonly stream: MediaStream;
  readonly state: WireSeatState;
  /** The decoded picture is the occupant's. */
  readonly shown: boolean;
}

/**
 * The list for the page: one entry for each occupied seat. Entries that say the same as before are the same objects, so
 * that a page can tell by identity what changed; the list itself is the former one if nothing did.
 */
export function mediaList(
  former: readonly RemoteMedia[],
  seats: readonly SeatView[],
  isMuted: (participant: ParticipantId, source: Source) => boolean,
): readonly RemoteMedia[] {
  const list = seats.flatMap((seat) => {
    const media = mediaOf(seat, isMuted);
    return media ? [former.find((other) => isSame(other, media)) ?? media] : [];
  });
  const unchanged = list.length === former.length && list.every((media, i) => media === former[i]);
  return unchanged ? former : list;
}

/** The contributing source that is to be seen in a seat; 0 for none. */
export function expectedCsrc(
  state: WireSeatState,
  isMuted: (participant: ParticipantId, source: Source) => boolean,
): number {
  const source = videoSource(state);
  if (!source || !state.participant || isMuted(state.participant, source)) {
    return 0;
  }
  return state.videoCsrc ?? 0;
}

function mediaOf(
  { stream, state, shown }: SeatView,
  isMuted: (participant: ParticipantId, source: Source) => boolean,
): RemoteMedia | undefined {
  const source = videoSource(state);
  if (!source || !state.participant) {
    return undefined;
  }
  const hasVideo = expectedCsrc(state, isMuted) !== 0;
  const media = { participant: state.participant, source, stream, hasVideo, playing: hasVideo && shown };
  return state.unsupported ? { ...media, unsupportedCodec: state.unsupported } : media;
}

/** A seat is named by its picture: `camera` goes with the microphone, `screen` with the screen's audio. */
function videoSource({ source }: WireSeatState): VideoSource | undefined {
  switch (source) {
    case 'camera':
    case 'microphone':
      return 'camera';
    case 'screen':
    case 'screen_audio':
      return 'screen';
    default:
      return undefined;
  }
}

function isSame(a: RemoteMedia, b: RemoteMedia): boolean {
  return (
    a.participant === b.participant &&
    a.source === b.source &&
    a.stream === b.stream &&
    a.hasVideo === b.hasVideo &&
    a.playing === b.playing &&
    a.unsupportedCodec === b.unsupportedCodec
  );
}
