import { type ReactNode, useEffect, useRef } from 'react';

interface SeatVideoProps {
  /** The stream of the seat that the participant sits in. */
  readonly stream: MediaStream;
  /** A seat keeps its last picture when its occupant goes, so the element is hidden by what the server says. */
  readonly isVisible: boolean;
}

/** Plays the pictures of one seat, silent: sound has elements of its own, which stay when the tile goes. */
export function SeatVideo({ stream, isVisible }: SeatVideoProps): ReactNode {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    element.srcObject = stream;
    // Browsers pause a silent video of a page in the background, and not all of them go on by themselves.
    const resume = (): void => {
      if (document.visibilityState === 'visible' && element.paused) void element.play().catch(() => undefined);
    };
    document.addEventListener('visibilitychange', resume);
    return () => {
      document.removeEventListener('visibilitychange', resume);
      element.srcObject = null;
    };
  }, [stream]);
  // The room tells when a picture is decoded. Until it is presented, one repaint later, the element still shows the
  // former occupant, and would do so under the new one's name.
  useEffect(() => {
    const element = video.current;
    if (element === null || !isVisible) return undefined;
    const show = (): void => {
      element.classList.remove('is-unseen');
    };
    if (!('requestVideoFrameCallback' in element)) {
      show();
      return undefined;
    }
    const frame = element.requestVideoFrameCallback(show);
    return () => {
      element.cancelVideoFrameCallback(frame);
      element.classList.add('is-unseen');
    };
  }, [isVisible, stream]);
  return <video ref={video} className="is-unseen" autoPlay muted playsInline aria-hidden />;
}
