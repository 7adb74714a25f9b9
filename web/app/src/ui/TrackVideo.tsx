import { type ReactNode, useEffect, useRef } from 'react';

interface TrackVideoProps {
  readonly track: MediaStreamTrack;
  readonly isMirrored: boolean;
}

/** Plays one of this page's own video tracks, silent. People know themselves from the mirror, so a face is mirrored. */
export function TrackVideo({ track, isMirrored }: TrackVideoProps): ReactNode {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    element.srcObject = new MediaStream([track]);
    return () => {
      element.srcObject = null;
    };
  }, [track]);
  return <video ref={video} className={isMirrored ? 'is-mirrored' : ''} autoPlay muted playsInline aria-hidden />;
}
