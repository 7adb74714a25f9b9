import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FileExchange } from '../src/files/exchange.ts';
import type { FileItem, Limits } from '../src/types.ts';

const limits = {
  fileBytes: 10_000_000,
  fileChunkBytes: 1000,
  fileWindowBytes: 4000,
} as Limits;

/** One end of a data channel; what is sent arrives at `onSend`. */
class FakeChannel extends EventTarget {
  readyState: RTCDataChannelState = 'connecting';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly #onSend: (data: string | ArrayBuffer) => void;
  constructor(onSend: (data: string | ArrayBuffer) => void) {
    super();
    this.#onSend = onSend;
  }
  send(data: string | ArrayBuffer): void {
    this.#onSend(data);
  }
  open(): void {
    this.readyState = 'open';
    this.onopen?.();
  }
  receive(data: unknown): void {
    this.onmessage?.({ data: data instanceof ArrayBuffer ? data : JSON.stringify(data) });
  }
}

type Message = Record<string, unknown> & { type: string };

interface Side {
  readonly id: string;
  readonly exchange: FileExchange;
  channel: FakeChannel;
  files: readonly FileItem[];
  readonly errors: string[];
  readonly sent: Message[];
}

/** A relay that does what the specification says of the server, for two people and one transfer at a time. */
class Relay {
  readonly ada = this.#side('ada');
  readonly ben = this.#side('ben');
  #file = 0;
  #transfer = 0;
  #owner: Side | undefined;
  #size = 0;

  #side(id: string): Side {
    const errors: string[] = [];
    const side = { id, errors, files: [], sent: [] } as unknown as { -readonly [K in keyof Side]: Side[K] };
    side.exchange = new FileExchange({
      self: () => ({ id, name: id }),
      nameOf: (other) => other,
      limits: () => limits,
      onFiles: (files) => {
        side.files = files;
      },
      onError: (error) => errors.push(error.code),
    });
    this.connect(side);
    return side;
  }

  connect(side: Side): void {
    side.channel = new FakeChannel((data) => {
      queueMicrotask(() => {
        this.#relay(side, data);
      });
    });
    side.exchange.attach(side.channel as unknown as RTCDataChannel);
    side.channel.open();
  }

  other(side: Side): Side {
    return side === this.ada ? this.ben : this.ada;
  }

  #relay(from: Side, data: string | ArrayBuffer): void {
    const to = this.other(from);
    if (data instanceof ArrayBuffer) {
      to.channel.receive(data);
      return;
    }
    const message = JSON.parse(data) as Message;
    from.sent.push(message);
    switch (message.type) {
      case 'file_offer': {
        const { id, ...rest } = message;
        this.#file++;
        this.#owner = from;
        this.#size = Number(message['size']);
        to.channel.receive({ ...rest, file: this.#file, from: from.id });
        from.channel.receive({ ...rest, id, file: this.#file });
        break;
      }
      case 'file_accept': {
        const start = { type: 'file_start', file: message['file'], transfer: ++this.#transfer, to: from.id };
        from.channel.receive(start);
        this.#owner?.channel.receive(start);
        break;
      }
      case 'file_ack':
        to.channel.receive(message);
        if (message['bytes'] === this.#size) {
          for (const side of [from, to]) {
            side.channel.receive({ type: 'file_done', file: this.#file, transfer: message['transfer'] });
          }
        }
        break;
      case 'file_cancel':
        to.channel.receive(message);
        break;
    }
  }
}

function content(bytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 31) % 251);
}

let relay: Relay;
beforeEach(() => {
  relay = new Relay();
});

/** Waits until a condition holds; real time, but no fixed time. */
function until(condition: () => boolean): Promise<void> {
  return vi.waitFor(
    () => {
      expect(condition()).toBe(true);
    },
    { timeout: 5000, interval: 2 },
  );
}

const offered = async (bytes: number): Promise<number> => {
  relay.ada.exchange.offer(new Blob([content(bytes)], { type: 'image/png' }), 'cat.png');
  await until(() => relay.ben.files[0]?.file !== undefined && relay.ada.files[0]?.file === relay.ben.files[0].file);
  return relay.ben.files[0]?.file ?? 0;
};

describe('a file', () => {
  it('is offered to the others and echoed to its owner', async () => {
    await offered(10);
    expect(relay.ada.files).toMatchObject([{ own: true, name: 'cat.png', size: 10, mime: 'image/png', file: 1 }]);
    expect(relay.ben.files).toMatchObject([{ own: false, from: 'ada', fromName: 'ada', file: 1, state: 'offered' }]);
  });

  it.each([0, 1, 999, 1000, 4001, 1_234_567])('of %i bytes arrives whole', async (bytes) => {
    relay.ben.exchange.accept(await offered(bytes));
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'done');
    const blob = relay.ben.files[0]?.transfers[0]?.blob;
    expect(blob?.type).toBe('image/png');
    const received = new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
    expect(Buffer.from(received).equals(Buffer.from(content(bytes)))).toBe(true);
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'done');
    expect(relay.ada.files[0]?.transfers[0]).toMatchObject({ peer: 'ben', bytes, state: 'done' });
  });

  it('waits while the channel is full', async () => {
    relay.ada.channel.bufferedAmount = 10_000_000;
    relay.ben.exchange.accept(await offered(2000));
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'running');
    expect(relay.ben.files[0]?.transfers[0]?.bytes).toBe(0);
    relay.ada.channel.bufferedAmount = 0;
    relay.ada.channel.dispatchEvent(new Event('bufferedamountlow'));
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'done');
  });

  it('too large for the server is not offered', () => {
    expect(() => relay.ada.exchange.offer({ size: 10_000_001 } as Blob, 'x')).toThrow(
      expect.objectContaining({ code: 'file_too_large' }),
    );
  });

  it('is accepted once', async () => {
    const file = await offered(10);
    relay.ben.exchange.accept(file);
    relay.ben.exchange.accept(file);
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'done');
    expect(relay.ben.sent.filter(({ type }) => type === 'file_accept')).toHaveLength(1);
    expect(() => {
      relay.ben.exchange.accept(99);
    }).toThrow(expect.objectContaining({ code: 'wrong_state' }));
  });
});

describe('a cancelled transfer', () => {
  it.each(['ada', 'ben'] as const)('ends on both sides when %s cancels it', async (who) => {
    relay.ada.channel.bufferedAmount = 10_000_000; // nothing moves
    const file = await offered(50_000);
    relay.ben.exchange.accept(file);
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'running');
    relay[who].exchange.cancel(file, relay[who].files[0]?.transfers[0]?.transfer);
    await until(() => [relay.ada, relay.ben].every((side) => side.files[0]?.transfers[0]?.state === 'cancelled'));
    expect(relay.ada.files[0]?.state).toBe('offered');
  });

  it('can be started once more', async () => {
    relay.ada.channel.bufferedAmount = 10_000_000;
    const file = await offered(5000);
    relay.ben.exchange.accept(file);
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'running');
    relay.ben.exchange.cancel(file, undefined);
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'cancelled');
    relay.ada.channel.bufferedAmount = 0;
    relay.ben.exchange.accept(file);
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'done');
    expect(relay.ada.files[0]?.transfers.map(({ state }) => state)).toEqual(['done']);
  });

  it('is cancelled when it begins, if it was before', async () => {
    const file = await offered(5000);
    relay.ben.exchange.accept(file);
    relay.ben.exchange.cancel(file, undefined);
    await until(() => relay.ben.sent.some(({ type }) => type === 'file_cancel'));
    expect(relay.ben.files[0]?.transfers[0]?.state).toBe('cancelled');
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'cancelled');
  });

  it('is withdrawn with its offer', async () => {
    relay.ada.channel.bufferedAmount = 10_000_000;
    const file = await offered(5000);
    relay.ben.exchange.accept(file);
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'running');
    relay.ada.exchange.cancel(file, undefined);
    await until(() => relay.ben.files[0]?.state === 'withdrawn');
    expect(relay.ben.files[0]?.transfers[0]?.state).toBe('cancelled');
  });
});

describe('what goes wrong', () => {
  it('is told when the sender skips a part', async () => {
    relay.ada.channel.bufferedAmount = 10_000_000;
    const file = await offered(5000);
    relay.ben.exchange.accept(file);
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'running');
    const chunk = new Uint8Array(13);
    chunk.set([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]);
    relay.ben.channel.receive(chunk.buffer);
    expect(relay.ben.files[0]?.transfers[0]).toMatchObject({ state: 'failed', reason: 'broken_rule' });
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'failed');
  });

  it('is told when the file cannot be read any more', async () => {
    const unreadable = {
      size: 5000,
      type: '',
      slice: () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }),
    } as unknown as Blob;
    relay.ada.exchange.offer(unreadable, 'gone.txt');
    await until(() => relay.ben.files.length === 1);
    relay.ben.exchange.accept(1);
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'failed');
    expect(relay.ada.files[0]?.transfers[0]?.reason).toBe('unreadable');
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'cancelled');
  });

  it('withdraws an offer that the server refuses', () => {
    const { localId } = relay.ada.exchange.offer(new Blob(['x']), 'x');
    relay.ada.channel.receive({ type: 'error', code: 'bad_file', message: '', re: 'file_offer', id: localId });
    expect(relay.ada.files[0]?.state).toBe('withdrawn');
    expect(relay.ada.errors).toEqual(['bad_file']);
  });
});

describe('a new connection', () => {
  it('has our offers again, and ends what ran on the old one', async () => {
    relay.ada.channel.bufferedAmount = 10_000_000;
    const file = await offered(5000);
    relay.ben.exchange.accept(file);
    await until(() => relay.ada.files[0]?.transfers[0]?.state === 'running');
    relay.connect(relay.ada);
    expect(relay.ada.files[0]?.transfers[0]).toMatchObject({ state: 'failed', reason: 'connection' });
    await until(() => relay.ada.files[0]?.file === 2);
    expect(relay.ada.files).toHaveLength(1);
  });

  it('keeps what was received and drops the offers of the old one', async () => {
    relay.ben.exchange.accept(await offered(10));
    await until(() => relay.ben.files[0]?.transfers[0]?.state === 'done');
    relay.ada.exchange.offer(new Blob(['y']), 'y');
    await until(() => relay.ben.files.length === 2);
    relay.connect(relay.ben);
    expect(relay.ben.files).toMatchObject([{ state: 'withdrawn', transfers: [{ state: 'done' }] }]);
  });
});
