import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { measure } from '../harness/measure.ts';
import type { Participant } from '../harness/participant.ts';
import { Stage } from '../harness/stage.ts';
import { until } from '../harness/wait.ts';

let stage: Stage;
let observer: Participant;
let actor: Participant;

beforeAll(async () => {
  stage = await Stage.open('quiet');
  observer = await stage.join({ name: 'Olga', colour: paint(0) });
  actor = await stage.join({ name: 'Aiko', colour: paint(1) });
  await observer.sees({ Aiko: paint(1) });
});

afterAll(() => stage.close());

const pictureOf = async (name: string, source: string): Promise<string | undefined> =>
  (await observer.look()).find((look) => look.name === name && look.source === source)?.picture;

const shows = (name: string, source: string, picture: string | undefined): Promise<unknown> =>
  until(
    `${name}'s ${source} to be ${picture ?? 'gone'}`,
    async () => (await pictureOf(name, source)) === picture,
    {},
    () => observer.look(),
  );

test('joins, leaves, camera and screen toggles of others cost no offer and no answer', async (context) => {
  const before = await observer.counters();
  const heard = observer.signaling.length;
  expect(before.offers, 'offers of the first negotiation').toBeGreaterThan(0);
  const negotiatedBefore = observer.negotiations();

  // Joins, in all codecs: with a screen six of the eight seats are taken. When fewer than two are free, more are asked for.
  const peers = [
    { name: 'Ben', codec: 'vp8', colour: paint(2), tone: 0 },
    { name: 'Chen', codec: 'vp9', tone: 1 },
    { name: 'Dana', codec: 'h264', tone: 2 },
    { name: 'Emil', codec: 'av1', tone: 3 },
  ] as const;
  for (const peer of peers) await stage.peerJoins(peer);
  await Promise.all(['Ben', 'Chen', 'Dana', 'Emil'].map((name) => shows(name, 'camera', 'playing')));

  // A camera goes off and comes back.
  await actor.get('camera').click();
  await shows('Aiko', 'camera', 'off');
  await actor.get('camera').click();
  await shows('Aiko', 'camera', 'playing');
  await stage.peerMutes('Ben', 'camera', true);
  await shows('Ben', 'camera', 'off');
  await stage.peerMutes('Ben', 'camera', false);
  await shows('Ben', 'camera', 'playing');

  // A microphone, too.
  await actor.get('mic').click();
  await actor.get('mic').click();

  // A screen is shared, twice.
  for (let share = 0; share < 2; share++) {
    await actor.get('screen').click();
    await shows('Aiko', 'screen', 'playing');
    await actor.get('screen').click();
    await shows('Aiko', 'screen', undefined);
  }

  // They leave, and somebody comes again.
  for (const { name } of peers) await stage.peerLeaves(name);
  await observer.finds('Aiko');
  await stage.peerJoins({ name: 'Ben', codec: 'av1', tone: 0 });
  await shows('Ben', 'camera', 'playing');
  await stage.peerJoins({ name: 'Fumi', tone: 4 });
  await shows('Fumi', 'camera', 'off');

  const after = await observer.counters();
  const messages = observer.signaling.slice(heard).filter((message) => /seats|joined|left|updated/u.test(message));
  expect(messages.length, 'messages about all this').toBeGreaterThan(20);
  measure(context, {
    what: 'changes of others: offers and answers by the SDK',
    value: after.offers - before.offers + after.answers - before.answers,
    unit: '',
    atMost: 0,
  });
  measure(context, {
    what: 'changes of others: offers and answers on the WebSocket',
    value: observer.negotiations() - negotiatedBefore,
    unit: '',
    atMost: 0,
  });
  expect(after.peerConnections).toBe(1);
});
