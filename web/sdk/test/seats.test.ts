import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { WireSeatState } from '../src/protocol.ts';
import { Seats } from '../src/seats.ts';

/** Makes transceivers; gives them MIDs when told that an offer was set, as browsers do. */
class FakeConnection {
  readonly transceivers: FakeTransceiver[] = [];
  addTransceiver(kind: string, init: { direction: string }): FakeTransceiver {
    const transceiver = new FakeTransceiver(kind, init.direction);
    this.transceivers.push(transceiver);
    return transceiver;
  }
  /** setLocalDescription, and the answer if there is one. */
  negotiate(answered: boolean, firstMid = 0): void {
    this.transceivers.forEach((transceiver, i) => {
      transceiver.mid ??= String(firstMid + i);
      transceiver.currentDirection = answered ? transceiver.direction : transceiver.currentDirection;
    });
  }
}

class FakeTransceiver {
  readonly kind: string;
  readonly direction: string;
  readonly receiver: { track: { kind: string } };
  mid: string | null = null;
  currentDirection: string | null = null;
  stopped = false;
  codecs: unknown[] = [];
  constructor(kind: string, direction: string) {
    this.kind = kind;
    this.direction = direction;
    this.receiver = { track: { kind } };
  }
  setCodecPreferences(codecs: unknown[]): void {
    this.codecs = codecs;
  }
  stop(): void {
    this.stopped = true;
  }
}

beforeAll(() => {
  vi.stubGlobal(
    'MediaStream',
    class {
      readonly tracks: unknown[];
      constructor(tracks: unknown[]) {
        this.tracks = tracks;
      }
    },
  );
  vi.stubGlobal('RTCRtpReceiver', {
    getCapabilities: (kind: string) => ({
      codecs: [{ mimeType: kind === 'audio' ? 'audio/opus' : 'video/VP8' }, { mimeType: `${kind}/red` }],
    }),
  });
});

function setUp(): { pc: FakeConnection; seats: Seats } {
  const pc = new FakeConnection();
  return { pc, seats: new Seats(pc as unknown as RTCPeerConnection) };
}

const state = (audio: string, video: string, participant?: string): WireSeatState =>
  participant === undefined ? { audio, video } : { audio, video, participant, source: 'camera', videoCsrc: 7 };

describe('Seats', () => {
  it('makes pairs of recvonly audio and video, with the codecs of a room', () => {
    const { pc, seats } = setUp();
    seats.add(2);
    expect(pc.transceivers.map(({ kind, direction }) => `${kind} ${direction}`)).toEqual([
      'audio recvonly',
      'video recvonly',
      'audio recvonly',
      'video recvonly',
    ]);
    expect(pc.transceivers.map(({ codecs }) => codecs)).toEqual([
      [{ mimeType: 'audio/red' }, { mimeType: 'audio/opus' }],
      [{ mimeType: 'video/VP8' }],
      [{ mimeType: 'audio/red' }, { mimeType: 'audio/opus' }],
      [{ mimeType: 'video/VP8' }],
    ]);
  });

  it('describes what has MIDs, in the order of creation', () => {
    const { pc, seats } = setUp();
    seats.add(2);
    expect(seats.describe()).toEqual([]);
    pc.negotiate(true, 2);
    seats.add(1);
    expect(seats.describe()).toEqual([
      { audio: '2', video: '3' },
      { audio: '4', video: '5' },
    ]);
  });

  it('finds the seat of each state by its MIDs, in whatever order they come', () => {
    const { pc, seats } = setUp();
    seats.add(3);
    pc.negotiate(true);
    seats.occupy([state('4', '5', 'ben'), state('0', '1', 'ada'), state('2', '3')]);
    expect([...seats.occupied].map(([seat, { participant }]) => [seats.all.indexOf(seat), participant])).toEqual([
      [0, 'ada'],
      [2, 'ben'],
    ]);
    expect(seats.trackOf('4')).toEqual({ participant: 'ben', source: 'microphone' });
    expect(seats.trackOf('1')).toEqual({ participant: 'ada', source: 'camera' });
    expect(seats.trackOf('3')).toBeUndefined();
  });

  it('keeps streams when occupants change, and forgets who is not named', () => {
    const { pc, seats } = setUp();
    seats.add(2);
    pc.negotiate(true);
    seats.occupy([state('0', '1', 'ada')]);
    const [before] = [...seats.occupied.keys()];
    seats.occupy([state('0', '1', 'ben'), state('9', '10', 'nobody has this seat')]);
    const [after] = [...seats.occupied.keys()];
    expect(after?.stream).toBe(before?.stream);
    seats.occupy([]);
    expect(seats.occupied.size).toBe(0);
  });

  it('gives up seats whose offer was refused, and only those', () => {
    const { pc, seats } = setUp();
    seats.add(1);
    pc.negotiate(true);
    seats.add(2);
    seats.dropUnanswered();
    expect(seats.count).toBe(1);
    expect(pc.transceivers.map(({ stopped }) => stopped)).toEqual([false, false, true, true, true, true]);
  });
});
