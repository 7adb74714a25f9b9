import type { VideoCodec } from './types.ts';

/** The part of RTCRtpCodec that the choice looks at. */
export interface CodecCapability {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/** The codec to put first: of pictures, or Opus with redundancy (`red`) or without. */
export type PreferredCodec = VideoCodec | 'red' | 'opus';

/**
 * The codecs of a room, in order of preference: Opus with redundancy (RED), Opus; VP8, VP9 profile 0, H.264 constrained
 * baseline with packetization mode 1, AV1 main profile, H.265 main profile; and RTX for repair. Everything else is left out
 * of the offer: an SDP with the browser's full list is twice as large, and the server would forward none of it.
 *
 * @param capabilities What the browser can do, as from `RTCRtpReceiver.getCapabilities(kind).codecs`.
 * @param preferred The codec to put first, if the browser has it.
 */
export function selectCodecs<C extends CodecCapability>(
  capabilities: readonly C[],
  kind: 'audio' | 'video',
  preferred: PreferredCodec = kind === 'audio' ? 'red' : 'vp8',
): C[] {
  if (kind === 'audio') {
    const [red, opus] = ['audio/red', 'audio/opus'].map((mimeType) =>
      capabilities.filter((codec) => codec.mimeType.toLowerCase() === mimeType),
    ) as [C[], C[]];
    if (opus.length === 0) {
      return []; // which is what would be in RED
    }
    return preferred === 'opus' ? [...opus, ...red] : [...red, ...opus];
  }
  const order = [...VIDEO.filter((codec) => codec === preferred), ...VIDEO.filter((codec) => codec !== preferred)];
  const media = order.flatMap((name) => capabilities.filter((codec) => isVideo(codec, name)));
  const rtx = capabilities.filter((codec) => codec.mimeType.toLowerCase() === 'video/rtx');
  // Without any codec of the room a list of repair formats alone would be invalid: then the browser decides.
  return media.length === 0 ? [] : [...media, ...rtx];
}

const VIDEO: readonly VideoCodec[] = ['vp8', 'vp9', 'h264', 'av1', 'h265'];

function isVideo(codec: CodecCapability, name: VideoCodec): boolean {
  if (codec.mimeType.toLowerCase() !== `video/${name}`) {
    return false;
  }
  const parameters = parseFmtp(codec.sdpFmtpLine ?? '');
  switch (name) {
    case 'vp8':
      return true;
    case 'vp9':
      return (parameters.get('profile-id') ?? '0') === '0';
    case 'h264':
      // 42e0 is constrained baseline; the level in the last two digits says only how much a device can take.
      return parameters.get('packetization-mode') === '1' && /^42e0/i.test(parameters.get('profile-level-id') ?? '');
    case 'av1':
      return (parameters.get('profile') ?? '0') === '0';
    case 'h265':
      return (parameters.get('profile-id') ?? '1') === '1' && (parameters.get('tier-flag') ?? '0') === '0';
  }
}

function parseFmtp(line: string): ReadonlyMap<string, string> {
  return new Map(
    line.split(';').map((pair) => {
      const [key = '', value = ''] = pair.split('=', 2);
      return [key.trim().toLowerCase(), value.trim()];
    }),
  );
}

/** The codecs of a room that this browser has for one direction, in the order of preference. */
export function roomCodecs(
  kind: 'audio' | 'video',
  direction: 'sendonly' | 'recvonly',
  preferred?: PreferredCodec,
): RTCRtpCodec[] {
  const capabilities = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const sendable = direction === 'sendonly' ? RTCRtpSender.getCapabilities(kind)?.codecs : undefined;
  const usable = capabilities.filter(
    (codec) =>
      !sendable?.length ||
      sendable.some((other) => other.mimeType === codec.mimeType && other.sdpFmtpLine === codec.sdpFmtpLine),
  );
  return selectCodecs(usable, kind, preferred);
}

/** The name of a video codec in an offer. */
export function videoCodec(codec: CodecCapability | undefined): VideoCodec | undefined {
  return VIDEO.find((name) => codec?.mimeType.toLowerCase() === `video/${name}`);
}

/** Limits what a transceiver offers to these codecs; with none of them the browser decides. */
export function preferCodecs(transceiver: RTCRtpTransceiver, codecs: readonly RTCRtpCodec[]): void {
  if (codecs.length > 0) {
    transceiver.setCodecPreferences([...codecs]);
  }
}
