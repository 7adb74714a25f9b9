import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { tones } from '../harness/fakeMedia.ts';
import { measure } from '../harness/measure.ts';
import { Stage } from '../harness/stage.ts';
import { pause } from '../harness/wait.ts';

const people = ['Aiko', 'Ben', 'Chen', 'Dana'].map((name, i) => ({ name, colour: paint(i), hz: tones[i] ?? NaN }));
const colours = Object.fromEntries(people.map(({ name, colour }) => [name, colour]));

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open('four');
  await Promise.all(people.map((person) => stage.join(person)));
});

afterAll(() => stage.close());

test('four participants see each other in the right colour under the right name', async (context) => {
  const { participants } = stage;
  await Promise.all(participants.map((participant) => participant.sees(colours)));
  for (const { page } of participants) {
    await page.evaluate((expected) => {
      window.probe.watchFaces(expected);
    }, colours);
  }
  await pause(2000);
  for (const { page, name } of participants) {
    const { looks, wrong } = await page.evaluate(() => window.probe.stopWatching());
    expect(looks, `pictures that ${name} looked at`).toBeGreaterThan(40);
    expect(wrong, `pictures of somebody else that ${name} saw`).toEqual([]);
  }
  const inbound = (await Promise.all(participants.map((participant) => participant.inbound()))).flat();
  measure(context, {
    what: 'four participants: streams of pictures that are decoded',
    value: inbound.filter(({ kind, framesDecoded }) => kind === 'video' && framesDecoded > 20).length,
    unit: 'of 12',
    atLeast: 12,
  });
});

test('four participants hear each of the others', async (context) => {
  let quietest = 0;
  for (const participant of stage.participants) {
    const sounds = await participant.page.evaluate(() => window.probe.listen(1500));
    for (const { name, hz } of people.filter((person) => person.name !== participant.name)) {
      const sound = sounds[name];
      expect(sound?.isPlayed, `${participant.name} plays ${name}`).toBe(true);
      expect(Math.abs((sound?.hz ?? 0) - hz), `${participant.name} hears ${name} at ${sound?.hz} Hz`).toBeLessThan(20);
      quietest = Math.min(quietest, sound?.level ?? -200);
    }
  }
  measure(context, { what: 'four participants: quietest voice', value: quietest, unit: 'dBFS', atLeast: -60 });
});
