import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { measure } from '../harness/measure.ts';
import { lacksNetworks, type Move, Network, rules } from '../harness/network.ts';
import { Participant } from '../harness/participant.ts';
import type { Flow } from '../harness/probe.ts';
import { pause, until } from '../harness/wait.ts';

const lack = lacksNetworks();
if (lack !== undefined) console.log(`moving.test.ts: skipped, because ${lack}`);

const people = ['Aiko', 'Ben'].map((name, i) => ({ name, colour: paint(i) }));
const colours = Object.fromEntries(people.map(({ name, colour }) => [name, colour]));

/** So long after a call came up, or moved, it is a call like any other. */
const SETTLED_MS = 3000;

let network: Network;
let aiko: Participant;
let ben: Participant;
/** What was opened, and ends in the reverse order. */
const endings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  if (lack !== undefined) return;
  network = await Network.open();
  endings.push(() => network.close());
  // Aiko moves, Ben does not.
  const open = async (index: number, where: 'client' | 'server'): Promise<Participant> => {
    const executable = network.chromium(where);
    const participant = await Participant.open({ name: '', ...people[index], executable, anyCertificate: true });
    endings.push(() => participant.close(/WebSocket|ERR_NETWORK_CHANGED/u));
    return participant;
  };
  [aiko, ben] = await Promise.all([open(0, 'client'), open(1, 'server')]);
  await ben.enter(network.url, 'moving');
  await aiko.enter(network.url, 'moving');
});

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
});

/** Who Aiko is to the server, and what it took so far to stay so. */
const presence = ({ page }: Participant): Promise<Presence> =>
  page.evaluate(() => {
    const room = window.hiroba?.room;
    const tiles = [...document.querySelectorAll<HTMLElement>('[data-testid=tile]')].map((tile) => tile.dataset['name']);
    return { id: room?.self?.id, state: room?.state.kind, peers: room?.counters.peerConnections, tiles };
  });

interface Presence {
  readonly id: string | undefined;
  readonly state: string | undefined;
  readonly peers: number | undefined;
  readonly tiles: readonly (string | undefined)[];
}

/** How long what two see of each other stood still while something happened. */
async function watch(happening: () => Promise<void>, forMs: number): Promise<Readonly<Record<string, number>>> {
  for (const { page } of [aiko, ben])
    await page.evaluate(() => {
      window.probe.startFlow();
    });
  await happening();
  await pause(forMs);
  const flows: Flow[] = [];
  for (const { page } of [aiko, ben]) flows.push(...(await page.evaluate(() => window.probe.stopFlow())));
  return Object.fromEntries(flows.map(({ name, longestGapMs }) => [name, longestGapMs]));
}

test.skipIf(lack !== undefined).for([
  { move: 'address', what: 'another address', atMost: 3000 },
  { move: 'interface', what: 'from one network to another', atMost: 3000 },
  { move: 'half', what: 'to a network that only takes', atMost: 3000 },
  { move: 'gap', what: 'a second without a network, then another', atMost: 4000 },
] satisfies { move: Move; what: string; atMost: number }[])(
  'a call goes on after the client moved: $what',
  async ({ move, what, atMost }, context) => {
    network.route(rules.home);
    await Promise.all([aiko.sees(colours), ben.sees(colours)]);
    await pause(SETTLED_MS);
    const before = await presence(aiko);
    const heard = ben.signaling.length;

    const stalled = aiko.page.waitForSelector('[data-stalled] [data-testid=tile]', { timeout: 8000 });
    const stoodStill = await watch(() => network.move(move), 8000);
    await stalled;
    for (const [name, value] of Object.entries(stoodStill)) {
      measure(context, { what: `${what}: longest gap in the picture of ${name}`, value, unit: 'ms', atMost });
    }
    await Promise.all([aiko.sees(colours), ben.sees(colours)]);
    await until('Aiko to be back', async () => (await presence(aiko)).state === 'joined');
    expect(await aiko.page.locator('[data-stalled]').count(), 'what still says that nothing comes').toBe(0);
    expect(await presence(aiko), 'same session, same connection, same tiles').toEqual(before);
    const news = ben.signaling.slice(heard).filter((message) => /left|joined|seats/u.test(message));
    expect(news, 'what the others are told about it').toEqual([]);
  },
);

test.skipIf(lack !== undefined)('a call goes on when UDP is blocked in the middle of it', async (context) => {
  network.route(rules.home);
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
  await pause(SETTLED_MS);
  const before = await presence(aiko);
  const stoodStill = await watch(() => {
    network.route(rules.home, rules.noUdp);
    return Promise.resolve();
  }, 12_000);
  for (const [name, value] of Object.entries(stoodStill)) {
    measure(context, {
      what: `UDP blocked in a call: longest gap in the picture of ${name}`,
      value,
      unit: 'ms',
      // Chromium leaves a way that it has nominated only when it had no answer there for five seconds, whatever works beside.
      atMost: 5500,
    });
  }
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
  expect(network.transports()).toSatisfy(
    ({ udp, tcp = 0, turn = 0 }: ReturnType<Network['transports']>) => udp === 1 && tcp + turn === 1,
  );
  expect(await presence(aiko), 'same session, same connection, same tiles').toEqual(before);
});

/** What happened to the connections of two so far. */
const upsets = async (): Promise<readonly object[]> =>
  Promise.all(
    [aiko, ben].map(async (participant) => {
      const { offers, reconnects, iceRestarts } = await participant.counters();
      return { offers, reconnects, iceRestarts };
    }),
  );

const CALM_MS = 60_000;
const press = (participant: Participant, control: string): Promise<void> => participant.get(control).click();

test.skipIf(lack !== undefined).for([
  { what: 'in a good network', router: [rules.home] },
  { what: 'with 5 % loss', router: [rules.home, rules.lossy] },
])('a calm call restarts nothing: $what', async ({ what, router }, context) => {
  network.route(rules.home);
  await aiko.enter(network.url, 'moving');
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
  network.route(...router);
  await pause(SETTLED_MS);
  const before = await upsets();
  await pause(CALM_MS);
  expect(await upsets()).toEqual(before);
  measure(context, { what: `${what}: ICE restarts and reconnects in a minute`, value: 0, unit: '' });
});

test.skipIf(lack !== undefined)('people who mute everything, hide the page, or are alone restart nothing', async () => {
  network.route(rules.home);
  await aiko.enter(network.url, 'moving');
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
  await pause(SETTLED_MS);
  const before = await upsets();
  for (const participant of [aiko, ben]) {
    await press(participant, 'camera');
    await press(participant, 'mic');
  }
  await pause(CALM_MS / 4);
  expect(await upsets(), 'after all muted themselves').toEqual(before);
  for (const participant of [aiko, ben]) await press(participant, 'camera');
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
  await pause(SETTLED_MS);
  const cover = await aiko.browser.contexts()[0]?.newPage();
  await cover?.bringToFront();
  await pause(CALM_MS / 4);
  expect(await upsets(), 'after the page was hidden').toEqual(before);
  await cover?.close();
  await ben.page.evaluate(() => window.hiroba?.room.leave());
  await pause(CALM_MS / 4);
  const { iceRestarts, reconnects } = await aiko.counters();
  expect({ iceRestarts, reconnects }, 'alone').toEqual({ iceRestarts: 0, reconnects: 0 });
});
