import type { VideoCodec } from './types.ts';

/** The part of RTCRtpCodec that the choice looks at. */
export interface CodecCapability {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/**
 * The codecs of a room, in order of preference: Opus; VP8, VP9 profile 0, H.264 constrained baseline with packetization
 * mode 1, AV1 main profile; and RTX for repair. Everything else is left out of the offer: an SDP with the browser's full
 * list is twice as large, and the server would forward none of it.
 *
 * @param capabilities What the browser can do, as from `RTCRtpReceiver.getCapabilities(kind).codecs`.
 * @param preferred The codec to put first, if the browser has it.
 */
export function selectCodecs<C extends CodecCapability>(
  capabilities: readonly C[],
  kind: 'audio' | 'video',
  preferred: VideoCodec = 'vp8',
): C[] {
  if (kind === 'audio') {
    return capabilities.filter((codec) => codec.mimeType.toLowerCase() === 'audio/opus');
  }
  const order: readonly VideoCodec[] = [preferred, ...VIDEO.filter((codec) => codec !== preferred)];
  const media = order.flatMap((name) => capabilities.filter((codec) => isVideo(codec, name)));
  const rtx = capabilities.filter((codec) => codec.mimeType.toLowerCase() === 'video/rtx');
  // Without any codec of the room a list of repair formats alone would be invalid: then the browser decides.
  return media.length === 0 ? [] : [...media, ...rtx];
}

const VIDEO: readonly VideoCodec[] = ['vp8', 'vp9', 'h264', 'av1'];

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
  preferred?: VideoCodec,
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
