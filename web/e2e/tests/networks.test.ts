import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { measure } from '../harness/measure.ts';
import { lacksNetworks, Network, rules } from '../harness/network.ts';
import { Participant, total } from '../harness/participant.ts';
import { until } from '../harness/wait.ts';

const lack = lacksNetworks();
if (lack !== undefined) console.log(`networks.test.ts: skipped, because ${lack}`);

const people = ['Aiko', 'Ben'].map((name, i) => ({ name, colour: paint(i) }));
const colours = Object.fromEntries(people.map(({ name, colour }) => [name, colour]));

let network: Network;
let aiko: Participant;
let ben: Participant;
/** What was opened, and ends in the reverse order. */
const endings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  if (lack !== undefined) return;
  network = await Network.open();
  endings.push(() => network.close());
  // Aiko is behind the router, Ben is not.
  const open = async (index: number, where: 'client' | 'server'): Promise<Participant> => {
    const executable = network.chromium(where);
    const participant = await Participant.open({ name: '', ...people[index], executable, anyCertificate: true });
    endings.push(() => participant.close(/WebSocket/u));
    return participant;
  };
  [aiko, ben] = await Promise.all([open(0, 'client'), open(1, 'server')]);
  await ben.enter(network.url, 'networks');
});

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
});

const framesOf = async (participant: Participant): Promise<number> =>
  total(await participant.inbound(), 'video', 'framesDecoded');

test.skipIf(lack !== undefined).for([
  { what: 'UDP', router: [rules.home], transports: { udp: 2 } },
  { what: 'symmetric NAT', router: [rules.symmetric], transports: { udp: 2 } },
  { what: 'UDP blocked', router: [rules.home, rules.noUdp], transports: { udp: 1, tcp: 1 } },
  { what: 'all but TLS on port 443 blocked', router: [rules.home, rules.onlyTls], transports: { udp: 1, turn: 1 } },
])('a call comes up with $what', async ({ what, router, transports }, context) => {
  network.route(...router);
  await aiko.enter(network.url, 'networks');
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
  expect(network.transports()).toEqual(transports);
  const before = await framesOf(aiko);
  await until('pictures to go on', async () => (await framesOf(aiko)) > before + 20);
  const { joinMs = NaN } = await aiko.page.evaluate(() => window.hiroba?.room.timings ?? {});
  measure(context, { what: `${what}: joining to first decoded frame`, value: joinMs, unit: 'ms' });
});
