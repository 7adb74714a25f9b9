import { describe, expect, it } from 'vitest';
import { expectedCsrc, mediaList } from '../src/media.ts';
import type { SeatView } from '../src/media.ts';
import type { WireSeatState } from '../src/protocol.ts';

const stream = (name: string): MediaStream => ({ id: name }) as MediaStream;
const a = stream('a');
const b = stream('b');
const nobodyMuted = (): boolean => false;

function seat(on: MediaStream, state: Partial<WireSeatState>, shown = true): SeatView {
  return { stream: on, state: { audio: '2', video: '3', ...state }, shown };
}

const ada = { participant: 'p-1', source: 'camera', audioCsrc: 1, videoCsrc: 2 } as const;
const ben = { participant: 'p-2', source: 'camera', audioCsrc: 3, videoCsrc: 4 } as const;

describe('mediaList', () => {
  it('has one entry for each occupied seat', () => {
    expect(mediaList([], [seat(a, ada), seat(b, {})], nobodyMuted)).toEqual([
      { participant: 'p-1', source: 'camera', stream: a, hasVideo: true, playing: true },
    ]);
  });

  it('tells that somebody is heard but not seen', () => {
    const [media] = mediaList([], [seat(a, { ...ada, videoCsrc: 0 })], nobodyMuted);
    expect(media).toMatchObject({ hasVideo: false, playing: false });
  });

  it('hides the picture of a camera that is off', () => {
    const [media] = mediaList([], [seat(a, ada)], (_participant, source) => source === 'camera');
    expect(media).toMatchObject({ hasVideo: false, playing: false });
    expect(expectedCsrc({ audio: '2', video: '3', ...ada }, () => true)).toBe(0);
  });

  it('waits for the first picture', () => {
    expect(mediaList([], [seat(a, ada, false)], nobodyMuted)[0]).toMatchObject({ hasVideo: true, playing: false });
  });

  it('names a codec that cannot be decoded', () => {
    expect(mediaList([], [seat(a, { ...ada, unsupported: 'h264' })], nobodyMuted)[0]).toMatchObject({
      unsupportedCodec: 'h264',
    });
  });

  it('keeps the objects that say the same, and the list if all do', () => {
    const first = mediaList([], [seat(a, ada), seat(b, ben)], nobodyMuted);
    expect(mediaList(first, [seat(a, ada), seat(b, ben)], nobodyMuted)).toBe(first);
    const second = mediaList(first, [seat(a, ada), seat(b, ben, false)], nobodyMuted);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).not.toBe(first[1]);
  });

  it('makes a new object when somebody else takes the seat', () => {
    const first = mediaList([], [seat(a, ada)], nobodyMuted);
    const second = mediaList(first, [seat(a, ben, false)], nobodyMuted);
    expect(second).toEqual([{ participant: 'p-2', source: 'camera', stream: a, hasVideo: true, playing: false }]);
  });

  it('keeps camera and screen of one person apart', () => {
    const screen = { ...ada, source: 'screen', videoCsrc: 9 } as const;
    const list = mediaList([], [seat(a, ada), seat(b, screen)], nobodyMuted);
    expect(list.map(({ source }) => source)).toEqual(['camera', 'screen']);
  });
});
