import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HirobaError } from '../src/error.ts';
import { Negotiator } from '../src/negotiation.ts';
import type { Negotiable } from '../src/negotiation.ts';
import type { Offer } from '../src/protocol.ts';

/** An RTCPeerConnection that knows the order of things, and nothing else. */
class FakeConnection implements Negotiable {
  readonly calls: string[] = [];
  lines = 1;
  failNext = false;
  localDescription: RTCSessionDescription | null = null;

  createOffer(): Promise<RTCSessionDescriptionInit> {
    this.calls.push('createOffer');
    if (this.failNext) {
      this.failNext = false;
      return Promise.reject(new Error('no'));
    }
    return Promise.resolve({ type: 'offer', sdp: `offer with ${this.lines}` });
  }
  setLocalDescription(description: RTCLocalSessionDescriptionInit): Promise<void> {
    this.calls.push(`setLocal ${description.type ?? ''}`);
    this.localDescription = description as RTCSessionDescription;
    return Promise.resolve();
  }
  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.calls.push(`setRemote ${description.sdp ?? ''}`);
    return description.sdp === 'bad' ? Promise.reject(new Error('bad')) : Promise.resolve();
  }
}

function setUp(): { pc: FakeConnection; sent: Offer[]; negotiator: Negotiator } {
  const pc = new FakeConnection();
  const sent: Offer[] = [];
  const negotiator = new Negotiator(
    pc,
    () => ({ seats: Array.from({ length: pc.lines }, (_, i) => ({ audio: `${i}a`, video: `${i}v` })), tracks: [] }),
    (offer) => sent.push(offer),
  );
  return { pc, sent, negotiator };
}

const answer = (id: number, sdp = `answer ${id}`) => ({ type: 'answer', id, sdp }) as const;
const settled = async (promise: Promise<void>): Promise<string> =>
  Promise.race([
    promise.then(
      () => 'resolved',
      (error: unknown) => (error instanceof HirobaError ? error.code : 'other'),
    ),
    new Promise<string>((resolve) => {
      void flush().then(() => {
        resolve('waiting');
      });
    }),
  ]);
async function flush(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await Promise.resolve();
  }
}

describe('Negotiator', () => {
  it('offers, and is done when the answer is applied', async () => {
    const { pc, sent, negotiator } = setUp();
    const done = negotiator.request();
    await flush();
    expect(sent).toEqual([
      { type: 'offer', id: 1, sdp: 'offer with 1', seats: [{ audio: '0a', video: '0v' }], tracks: [] },
    ]);
    expect(await settled(done)).toBe('waiting');
    await negotiator.answer(answer(1));
    expect(await settled(done)).toBe('resolved');
    expect(pc.calls).toEqual(['createOffer', 'setLocal offer', 'setRemote answer 1']);
    expect([negotiator.offers, negotiator.answers]).toEqual([1, 1]);
  });

  it('has one offer in flight and merges what is asked for meanwhile into the next', async () => {
    const { pc, sent, negotiator } = setUp();
    const first = negotiator.request();
    await flush();
    pc.lines = 2;
    const second = negotiator.request();
    pc.lines = 3;
    const third = negotiator.request();
    await flush();
    expect(sent).toHaveLength(1);
    await negotiator.answer(answer(1));
    await flush();
    expect(await settled(first)).toBe('resolved');
    expect(sent.map(({ id, sdp }) => [id, sdp])).toEqual([
      [1, 'offer with 1'],
      [2, 'offer with 3'],
    ]);
    expect(await settled(second)).toBe('waiting');
    await negotiator.answer(answer(2));
    expect([await settled(second), await settled(third)]).toEqual(['resolved', 'resolved']);
  });

  it('repeats the offer that is out, with its ID, and takes one of the two answers', async () => {
    const { pc, sent, negotiator } = setUp();
    const done = negotiator.request();
    await flush();
    negotiator.resend();
    expect(sent[1]).toBe(sent[0]);
    await Promise.all([negotiator.answer(answer(1)), negotiator.answer(answer(1))]);
    expect(await settled(done)).toBe('resolved');
    expect(pc.calls.filter((call) => call.startsWith('setRemote'))).toHaveLength(1);
    negotiator.resend();
    expect(sent).toHaveLength(2);
    expect(negotiator.offers).toBe(1);
  });

  it('ignores an answer to another offer', async () => {
    const { pc, negotiator } = setUp();
    await negotiator.answer(answer(1));
    void negotiator.request();
    await flush();
    await negotiator.answer(answer(7));
    expect(pc.calls).toEqual(['createOffer', 'setLocal offer']);
  });

  it('rolls back what the server refuses, and goes on with the next', async () => {
    const { pc, sent, negotiator } = setUp();
    const first = negotiator.request();
    await flush();
    const second = negotiator.request();
    await negotiator.refuse('1', new HirobaError('too_many_media', ''));
    expect(await settled(first)).toBe('too_many_media');
    expect(pc.calls).toContain('setLocal rollback');
    await flush();
    expect(sent.at(-1)?.id).toBe(2);
    await negotiator.answer(answer(2));
    expect(await settled(second)).toBe('resolved');
  });

  it('rejects when the browser does not take the answer, or makes no offer', async () => {
    const { pc, negotiator } = setUp();
    const first = negotiator.request();
    await flush();
    await negotiator.answer(answer(1, 'bad'));
    expect(await settled(first)).toBe('bad_answer');
    pc.failNext = true;
    expect(await settled(negotiator.request())).toBe('bad_offer');
    const third = negotiator.request();
    await flush();
    await negotiator.answer(answer(2));
    expect(await settled(third)).toBe('resolved');
  });

  it('rejects everything when closed', async () => {
    const { sent, negotiator } = setUp();
    const first = negotiator.request();
    await flush();
    const second = negotiator.request();
    negotiator.close();
    expect([await settled(first), await settled(second)]).toEqual(['closed', 'closed']);
    expect(await settled(negotiator.request())).toBe('closed');
    await negotiator.answer(answer(1));
    negotiator.resend();
    expect(sent).toHaveLength(1);
  });

  describe('when it was too fast', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('repeats the offer after the time the server names', async () => {
      const { pc, sent, negotiator } = setUp();
      const done = negotiator.request();
      await flush();
      await negotiator.refuse('1', new HirobaError('rate_limited', '', { retryAfterMs: 400 }));
      expect(await settled(done)).toBe('waiting');
      vi.advanceTimersByTime(399);
      expect(sent).toHaveLength(1);
      vi.advanceTimersByTime(1);
      expect(sent).toHaveLength(2);
      expect(pc.calls).not.toContain('setLocal rollback');
    });
  });
});
