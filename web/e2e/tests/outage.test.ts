import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { measure } from '../harness/measure.ts';
import type { Participant } from '../harness/participant.ts';
import { Smoothness } from '../harness/smoothness.ts';
import { Stage } from '../harness/stage.ts';
import { pause, until } from '../harness/wait.ts';
import { Wire } from '../harness/wire.ts';

/** What browsers say about a server that is gone. */
const unreachable = /WebSocket|ERR_CONNECTION|Failed to load resource/u;

const AWAY_MS = 10_000;

const people = ['Aiko', 'Ben'].map((name, i) => ({ name, colour: paint(i) }));
const colours = Object.fromEntries(people.map(({ name, colour }) => [name, colour]));

let stage: Stage;
let wire: Wire;
let aiko: Participant;
let ben: Participant;

beforeAll(async () => {
  stage = await Stage.open('outage');
  wire = await Wire.open(stage.server.port);
  // Aiko's TCP goes through the wire, Ben's does not.
  [aiko, ben] = (await Promise.all(people.map((person) => stage.browser(person)))) as [Participant, Participant];
  await aiko.enter(wire.url, stage.room);
  await ben.enter(stage.server.url, stage.room);
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
});

afterAll(async () => {
  try {
    await stage.close(unreachable);
  } finally {
    await wire.close();
  }
});

const stateOf = ({ page }: Participant): Promise<string> =>
  page.evaluate(() => {
    const state = window.hiroba?.room.state;
    switch (state?.kind) {
      case 'reconnecting':
        return `reconnecting, media ${state.media}`;
      case 'ended':
        return `ended: ${state.reason}: ${state.message}`;
      default:
        return state?.kind ?? 'none';
    }
  });

const becomes = (participant: Participant, state: string, withinMs: number): Promise<unknown> =>
  until(
    `${participant.name} to be ${state}`,
    async () => (await stateOf(participant)) === state,
    { withinMs },
    () => stateOf(participant),
  );

test.for(['cut', 'silent'] as const)('a WebSocket that is %s for ten seconds costs no media', async (how, context) => {
  await Promise.all([aiko.sees(colours), ben.sees(colours)]);
  const countersBefore = await aiko.counters();
  const heardBefore = ben.signaling.length;
  const smoothness = await Smoothness.watch(stage.participants);

  if (how === 'cut') wire.cut();
  else wire.silence();
  await becomes(aiko, 'reconnecting, media up', 6000);
  await pause(AWAY_MS);
  expect(await stateOf(aiko)).toBe('reconnecting, media up');
  wire.mend();
  await becomes(aiko, 'joined', 5000);
  await pause(500);

  await smoothness.tell(context, `WebSocket ${how} for 10 s`);

  // The others have noticed nothing, and nothing was negotiated.
  const heard = ben.signaling.slice(heardBefore).filter((message) => /left|joined|seats/u.test(message));
  expect(heard, 'messages to the others about it').toEqual([]);
  const { offers, answers, peerConnections } = countersBefore;
  expect(await aiko.counters()).toMatchObject({
    offers,
    answers,
    peerConnections,
    reconnects: countersBefore.reconnects + 1,
  });
});

test.for([0, 4])(
  'after SIGKILL and a restart %i s later everybody is back by themselves',
  async (downSeconds, context) => {
    await Promise.all([aiko.sees(colours), ben.sees(colours)]);
    const before = await Promise.all([aiko.counters(), ben.counters()]);
    await stage.server.kill();
    await pause(downSeconds * 1000);
    const startMs = performance.now();
    await stage.server.start();
    await Promise.all(
      [aiko, ben].map((participant, i) =>
        until(`${participant.name} to have a new connection`, async () => {
          const { peerConnections } = await participant.counters();
          return peerConnections > (before[i]?.peerConnections ?? 0);
        }),
      ),
    );
    await Promise.all([becomes(aiko, 'joined', 15_000), becomes(ben, 'joined', 15_000)]);
    await Promise.all([aiko.sees(colours), ben.sees(colours)]);
    measure(context, {
      what: `SIGKILL, ${downSeconds} s later a restart: until everybody sees everybody`,
      value: Math.round(performance.now() - startMs),
      unit: 'ms',
      atMost: 5000,
    });
  },
);
