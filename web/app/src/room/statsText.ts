import type { Participant, RoomStats, TrackStats } from '@hiroba/sdk';

/** One track in words and numbers, ready to be shown or copied. */
export interface StatsRow {
  readonly key: string;
  readonly direction: TrackStats['direction'];
  readonly who: string;
  readonly what: string;
  readonly picture: string;
  readonly codec: string;
  readonly bitrate: string;
  readonly lost: string;
  readonly freezes: string;
  readonly buffer: string;
}

const none = '–';

export function bitrateText(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

const milliseconds = (value: number | undefined): string => (value === undefined ? none : `${Math.round(value)} ms`);

function pictureText({ width, height, framesPerSecond }: TrackStats): string {
  if (width === undefined || height === undefined) return none;
  return `${width}×${height}${framesPerSecond === undefined ? '' : ` @ ${Math.round(framesPerSecond)}`}`;
}

/** The tracks, each with the name of who it is from; what is received before what is sent. */
export function statsRows(stats: RoomStats, people: readonly Pick<Participant, 'id' | 'name'>[]): readonly StatsRow[] {
  const order = (track: TrackStats): number => (track.direction === 'receive' ? 0 : 1);
  return [...stats.tracks]
    .sort((a, b) => order(a) - order(b))
    .map((track) => {
      const layer = [track.rid, track.scalabilityMode].filter((word) => word !== undefined).join(' ');
      const limit = track.qualityLimitationReason;
      return {
        key: [track.direction, track.participant, track.source, track.rid ?? ''].join('/'),
        direction: track.direction,
        who: people.find((one) => one.id === track.participant)?.name ?? track.participant,
        what: layer === '' ? track.source : `${track.source} ${layer}`,
        picture: pictureText(track) + (limit === undefined || limit === 'none' ? '' : ` (${limit})`),
        codec: track.codec?.replace(/^(?:audio|video)\//u, '') ?? none,
        bitrate: bitrateText(track.bitsPerSecond),
        lost: track.packetsLost === undefined ? none : String(track.packetsLost),
        freezes: track.freezeCount === undefined ? none : String(track.freezeCount),
        buffer: milliseconds(track.jitterBufferMs),
      };
    });
}

/** What is known of the connection, as pairs of a word of `statistics` and a value. */
export function connectionFacts({
  connection,
}: RoomStats): readonly (readonly ['roundTrip' | 'route' | 'uplink', string])[] {
  const route = [connection.localCandidateType, connection.protocol?.toUpperCase()].filter(
    (word) => word !== undefined,
  );
  const uplink = connection.availableOutgoingBitrate;
  return [
    ['roundTrip', milliseconds(connection.rttMs)],
    ['route', route.length === 0 ? none : route.join(' · ')],
    ['uplink', uplink === undefined ? none : bitrateText(uplink)],
  ];
}

/** Everything as plain text, for a bug report. It is in English whatever the page speaks, for who reads the report. */
export function statsText(
  stats: RoomStats,
  rows: readonly StatsRow[],
  extra: Readonly<Record<string, unknown>>,
): string {
  const lines = rows.map((row) =>
    [
      row.direction,
      row.who,
      row.what,
      row.picture,
      row.codec,
      row.bitrate,
      `lost ${row.lost}`,
      `freezes ${row.freezes}`,
      `buffer ${row.buffer}`,
    ].join('\t'),
  );
  return [
    `Hiroba ${new Date(stats.atMs).toISOString()}`,
    ...connectionFacts(stats).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(extra).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    ...lines,
  ].join('\n');
}
