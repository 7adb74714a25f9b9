import { type Failure, failureOf, missingApi } from './failure.ts';

/** What one can turn on and off. */
export type Input = 'microphone' | 'camera';

/** Which way a phone's camera looks. */
export type Facing = 'user' | 'environment';

/** Which device is wanted. */
export interface Wish {
  /** A device id; empty for the system's default. */
  readonly deviceId: string;
  readonly facing: Facing | undefined;
}

/** What came of asking: a track, or why there is none. */
export type Captured = { readonly track: MediaStreamTrack } | { readonly failure: Failure };

const noWish: Wish = { deviceId: '', facing: undefined };

function constraints(input: Input, wish: Wish): MediaTrackConstraints {
  const device: MediaTrackConstraints = wish.deviceId === '' ? {} : { deviceId: { exact: wish.deviceId } };
  if (input === 'microphone') {
    return { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  }
  const facing: MediaTrackConstraints =
    wish.deviceId === '' && wish.facing !== undefined ? { facingMode: wish.facing } : {};
  return {
    ...device,
    ...facing,
    width: { ideal: 1280 },
    height: { ideal: 720 },
    frameRate: { ideal: 30 },
  };
}

const trackOf = (stream: MediaStream, input: Input): MediaStreamTrack | undefined =>
  (input === 'microphone' ? stream.getAudioTracks() : stream.getVideoTracks())[0];

/** Starts one device. When the remembered one is gone, any other will do. */
export async function capture(input: Input, wish: Wish): Promise<Captured> {
  const impossible = missingApi(surroundings());
  if (impossible !== undefined) return { failure: impossible };
  const key = input === 'microphone' ? 'audio' : 'video';
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ [key]: constraints(input, wish) });
    const track = trackOf(stream, input);
    return track === undefined ? { failure: 'missing' } : { track };
  } catch (error) {
    const failure = failureOf(error);
    if (failure === 'missing' && wish.deviceId !== '') return capture(input, { ...noWish, facing: wish.facing });
    return { failure };
  }
}

/**
 * Starts both devices with one permission prompt. When that fails, each is tried alone, to learn which one it was; not
 * after a refusal, because a browser would ask again.
 */
export async function captureBoth(microphone: Wish, camera: Wish): Promise<Readonly<Record<Input, Captured>>> {
  const impossible = missingApi(surroundings());
  if (impossible !== undefined) return { microphone: { failure: impossible }, camera: { failure: impossible } };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: constraints('microphone', microphone),
      video: constraints('camera', camera),
    });
    const [audio] = stream.getAudioTracks();
    const [video] = stream.getVideoTracks();
    return {
      microphone: audio === undefined ? { failure: 'missing' } : { track: audio },
      camera: video === undefined ? { failure: 'missing' } : { track: video },
    };
  } catch (error) {
    const failure = failureOf(error);
    const refused = failure === 'denied' || failure === 'deniedBySystem';
    const alone = async (input: Input, wish: Wish): Promise<Captured> =>
      refused && (await permission(input)) !== 'granted' ? { failure } : capture(input, wish);
    return { microphone: await alone('microphone', microphone), camera: await alone('camera', camera) };
  }
}

/** Whether a device may be used; `prompt` where the browser does not say. */
export async function permission(input: Input): Promise<PermissionState> {
  try {
    // Not in every browser's list, and not in the type's either.
    const status = await navigator.permissions.query({ name: input });
    return status.state;
  } catch {
    return 'prompt';
  }
}

const surroundings = (): { isSecureContext: boolean; hasMediaDevices: boolean } => ({
  isSecureContext: window.isSecureContext,
  hasMediaDevices: 'mediaDevices' in navigator && typeof navigator.mediaDevices.getUserMedia === 'function',
});

/** What came of asking for a screen; `undefined` when the person changed their mind. */
export async function captureScreen(): Promise<MediaStream | { readonly failure: Failure } | undefined> {
  if (!('mediaDevices' in navigator) || !('getDisplayMedia' in navigator.mediaDevices))
    return { failure: 'unsupported' };
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 30 } },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    // Letters must stay sharp; a film shared with sound should rather move well, but nobody says which it is.
    for (const track of stream.getVideoTracks()) track.contentHint = 'detail';
    return stream;
  } catch (error) {
    const failure = failureOf(error);
    // Closing the browser's dialog is reported as a refusal: no words about that.
    return failure === 'denied' ? undefined : { failure };
  }
}
