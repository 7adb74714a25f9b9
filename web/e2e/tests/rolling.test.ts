import { createServer, connect, type Server as Listener, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { measure } from '../harness/measure.ts';
import { Participant } from '../harness/participant.ts';
import { freePort } from '../harness/ports.ts';
import { Server } from '../harness/server.ts';
import { pause, until } from '../harness/wait.ts';

/** What the pages may complain about: a server that drains takes no WebSocket. */
const refused = /WebSocket|Failed to load resource|ERR_CONNECTION/u;

const DEADLINE_MS = 30_000;

const people = ['Aiko', 'Ben', 'Chika'].map((name, i) => ({ name, colour: paint(i) }));
const colours = Object.fromEntries(people.map(({ name, colour }) => [name, colour]));
const othersOf = (name: string): typeof colours =>
  Object.fromEntries(Object.entries(colours).filter(([other]) => other !== name));

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

async function start(name: string, ...flags: readonly string[]): Promise<Server> {
  const server = await Server.start(name, ...flags);
  endings.push(() => server.stop());
  return server;
}

/** A reverse proxy for TCP whose next connections go where `target` says. */
class Proxy {
  target: number;
  readonly #listener: Listener;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.target = target;
    this.#listener = createServer((near) => {
      const far = connect(this.target, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.setNoDelay();
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  static async open(target: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    proxy.#listener.listen(await freePort(), '127.0.0.1');
    await once(proxy.#listener, 'listening');
    endings.push(() => proxy.close());
    return proxy;
  }

  get url(): string {
    const address = this.#listener.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#listener, 'close');
  }
}

/** Notes in the page the longest time in which a tile of somebody else showed no new picture, whatever plays it. */
function watchTiles(): void {
  const gaps = new Map<string, { lastMs: number; longestMs: number }>();
  const watched = new WeakSet<HTMLVideoElement>();
  const notes: string[] = [];
  const look = (): void => {
    for (const tile of document.querySelectorAll<HTMLElement>('[data-testid=tile]')) {
      const { name = '', self } = tile.dataset;
      const video = tile.querySelector('video');
      if (self !== undefined || video === null || watched.has(video)) continue;
      watched.add(video);
      const next = (nowMs: number): void => {
        // A picture counts for who is seen in it, and only where it can be seen.
        if (video.isConnected && !video.classList.contains('is-unseen')) {
          const gap = gaps.get(name) ?? { lastMs: nowMs, longestMs: 0 };
          gap.longestMs = Math.max(gap.longestMs, nowMs - gap.lastMs);
          gap.lastMs = nowMs;
          gaps.set(name, gap);
        }
        if (video.isConnected) video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    }
    const note = document.querySelector('[data-testid=moving]')?.textContent;
    if (note && notes.at(-1) !== note) notes.push(note);
    requestAnimationFrame(look);
  };
  look();
  Object.assign(window, {
    tileGaps: () =>
      [...gaps].map(([name, { lastMs, longestMs }]) => ({ name, ms: Math.max(longestMs, performance.now() - lastMs) })),
    movingNotes: () => notes,
  });
}

interface Watching {
  tileGaps: () => readonly { readonly name: string; readonly ms: number }[];
  movingNotes: () => readonly string[];
}

/** Where the page's signaling goes. */
const peerConnections = async (participant: Participant): Promise<number> =>
  (await participant.counters()).peerConnections;

test.for(['another address', 'the same address'] as const)(
  'a server that is replaced at %s costs nobody a call',
  { timeout: 120_000 },
  async (where, context) => {
    const elsewhere = where === 'another address';
    const formerPort = await freePort();
    // Pages of the former server must be allowed at the next one.
    const next = await start(`rolling-next-${elsewhere}`, '--allowed-origins', `http://127.0.0.1:${formerPort}`);
    const flags = ['--drain-timeout', `${DEADLINE_MS}ms`, ...(elsewhere ? ['--drain-to', next.url] : [])];
    const former = await Server.start(`rolling-former-${elsewhere}`, '--listen', `127.0.0.1:${formerPort}`, ...flags);
    let formerEnded = false;
    endings.push(async () => (formerEnded ? undefined : former.kill()));
    const proxy = elsewhere ? undefined : await Proxy.open(formerPort);
    const url = proxy?.url ?? `http://127.0.0.1:${formerPort}`;

    const all: Participant[] = [];
    for (const person of people) {
      const participant = await Participant.join(url, 'rolling', person);
      endings.push(() => participant.close(refused));
      all.push(participant);
    }
    const [aiko] = all as [Participant, Participant, Participant];
    await Promise.all(all.map((one) => one.sees(othersOf(one.name), 30_000)));
    await aiko.page.evaluate(() => {
      window.hiroba?.room.sendChat('before the move');
    });
    await pause(1000);
    for (const { page } of all) await page.evaluate(watchTiles);
    await pause(1000);

    const startMs = performance.now();
    const ended = former.stop(DEADLINE_MS);
    await pause(300);
    if (proxy) proxy.target = next.port;
    await ended;
    formerEnded = true;
    const tookMs = Math.round(performance.now() - startMs);
    await pause(1000);

    measure(context, {
      what: `a server replaced at ${where}: until the former one was gone`,
      value: tookMs,
      unit: `ms, of ${DEADLINE_MS}`,
      atMost: DEADLINE_MS - 5000,
    });
    for (const one of all) {
      await one.sees(othersOf(one.name));
      await one.finds(...Object.keys(othersOf(one.name)));
      expect(await one.page.evaluate(() => window.hiroba?.room.state.kind)).toBe('joined');
      expect(await peerConnections(one), `${one.name} made a second connection, once`).toBe(2);
      const said = await one.page.evaluate(() => window.hiroba?.room.chat.map(({ text }) => text));
      expect(said).toEqual(['before the move']);
      const { gaps, notes } = await one.page.evaluate(() => {
        const { tileGaps, movingNotes } = window as unknown as Watching;
        return { gaps: tileGaps(), notes: movingNotes() };
      });
      expect(gaps).toHaveLength(people.length - 1);
      expect(notes).toHaveLength(1);
      measure(context, {
        what: `a server replaced at ${where}: ${one.name}'s longest gap between pictures`,
        value: Math.round(Math.max(...gaps.map(({ ms }) => ms))),
        unit: 'ms',
        atMost: 1500,
      });
    }
    await until(
      'everybody to be at the next server, once',
      async () => (await next.metric('hiroba_participants')) === people.length,
    );
  },
);

test('a page whom a busy server does not take tries again by itself', { timeout: 60_000 }, async () => {
  const server = await start('overloaded', '--drain-timeout', '0s');
  const url = server.url;
  const page = await Participant.open({ name: 'Aiko' });
  endings.push(() => page.close(refused));
  // A server that is busy for a while, as far as the page can tell: its answer to the WebSocket comes from here.
  let busy = true;
  await page.page.route('**/ws*', async (route) => {
    await (busy
      ? route.fulfill({
          status: 503,
          headers: { 'Retry-After': '1' },
          contentType: 'application/json',
          body: JSON.stringify({ type: 'error', code: 'overloaded', message: 'Busy.', retryAfterMs: 1000 }),
        })
      : route.continue());
  });
  await page.page.routeWebSocket('**/ws*', async (socket) => {
    if (busy) await socket.close({ code: 1011 });
    else socket.connectToServer();
  });
  await page.page.goto(`${url}/r/busy?name=Aiko&auto=1`);
  await page.page.getByText('tries again by itself').waitFor();
  busy = false;
  await until('the page to be in the room', () =>
    page.page.evaluate(() => window.hiroba?.room.state.kind === 'joined'),
  );
});
