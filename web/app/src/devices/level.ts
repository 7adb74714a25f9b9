/**
 * Measures how loud a track is and tells it many times a second, without anything being drawn by React.
 *
 * @param show gets the loudness from 0 to 1 on a scale that looks even to the eye (-60 dB is 0, -10 dB is 1).
 * @returns stops it.
 */
export function watchLevel(track: MediaStreamTrack, show: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    show(loudness(samples));
  }, 60);
  return () => {
    clearInterval(timer);
    source.disconnect();
    if (context.state !== 'closed') void context.close();
  };
}

/** The loudness of samples from -1 to 1, from 0 (-60 dB and below) to 1 (-10 dB and above). */
export function loudness(samples: Float32Array | readonly number[]): number {
  let sum = 0;
  for (const sample of samples) sum += sample ** 2;
  if (sum === 0) return 0;
  const decibels = 10 * Math.log10(sum / samples.length);
  return Math.min(1, Math.max(0, (decibels + 60) / 50));
}

/** Plays two short tones on a speaker, so that one hears whether it is the right one. */
export async function playTestSound(speakerId: string): Promise<void> {
  const context = new AudioContext();
  // Not in every browser; the default speaker is heard then.
  if (speakerId !== '' && 'setSinkId' in context) await (context as SinkContext).setSinkId(speakerId);
  const gain = context.createGain();
  gain.connect(context.destination);
  for (const [i, frequency] of [523.25, 659.25].entries()) {
    const tone = context.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(gain);
    tone.start(context.currentTime + i * 0.22);
    tone.stop(context.currentTime + i * 0.22 + 0.2);
  }
  gain.gain.setValueAtTime(0.15, context.currentTime);
  gain.gain.linearRampToValueAtTime(0, context.currentTime + 0.45);
  setTimeout(() => void context.close(), 700);
}

interface SinkContext extends AudioContext {
  setSinkId(id: string): Promise<void>;
}
