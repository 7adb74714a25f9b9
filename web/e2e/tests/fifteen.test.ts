import { afterAll, beforeAll, expect, test } from 'vitest';
import { clipColours, paint, type Rgb } from '../harness/colour.ts';
import { measure } from '../harness/measure.ts';
import { total } from '../harness/participant.ts';
import { Stage } from '../harness/stage.ts';
import { until } from '../harness/wait.ts';

const SEATS = 6;

// Twelve without a browser, in all codecs, and three browsers, of which the first one looks at the others.
const clips = ['vp9', 'h264', 'av1'] as const;
const peers = Array.from({ length: 12 }, (_, i) => {
  const codec = (i % 4 === 3 ? clips[i >> 2] : undefined) ?? ('vp8' as const);
  const colour = codec === 'vp8' ? paint(i) : clipColours[codec];
  return { name: `Peer ${i + 1}`, codec, colour, ...(i < 5 ? { tone: i } : {}) };
});
const browsers = ['Olga', 'Aiko', 'Ben'].map((name, i) => ({ name, colour: paint(12 + i) }));
const [observerName = ''] = browsers.map(({ name }) => name);

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open('fifteen', '--seats', String(SEATS), '--max-seats', String(SEATS));
  for (const peer of peers) await stage.peerJoins(peer);
  for (const browser of browsers) await stage.join(browser);
});

afterAll(() => stage.close());

test('paging through fifteen participants in six seats shows the right people in time', async (context) => {
  const [observer] = stage.participants;
  if (observer === undefined) throw new Error('nobody looks');
  const { page } = observer;
  const others = [...peers, ...browsers].filter(({ name }) => name !== observerName);
  const colours: Record<string, Rgb> = Object.fromEntries(others.map(({ name, colour }) => [name, colour]));
  await until('fourteen others', () => page.evaluate(() => window.hiroba?.room.participants.length === 14));
  expect((await observer.counters()).seats).toBe(SEATS);

  // One's own tile takes a place on the first page.
  const pages = [others.slice(0, 5), others.slice(5, 11), others.slice(11)];
  const coloursOf = (index: number): Record<string, Rgb> =>
    Object.fromEntries((pages[index] ?? []).map(({ name, colour }) => [name, colour]));
  await observer.sees(coloursOf(0));

  await page.evaluate((expected) => {
    window.probe.watchFaces(expected);
  }, colours);
  const waits: number[] = [];
  for (const to of [1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0]) {
    const from = waits.length === 0 ? 0 : ([1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0][waits.length - 1] ?? 0);
    const waitMs = await page.evaluate(([label, expected]) => window.probe.press(label, expected, 5000), [
      to > from ? 'More people' : 'Previous people',
      coloursOf(to),
    ] as const);
    expect(waitMs, `page ${to + 1}: ${JSON.stringify(await observer.look())}`).toBeGreaterThan(0);
    waits.push(waitMs);
  }
  const { looks, wrong } = await page.evaluate(() => window.probe.stopWatching());
  expect(looks).toBeGreaterThan(100);
  expect(wrong, `pictures under a wrong name, of ${looks}: ${JSON.stringify(wrong)}`).toEqual([]);
  measure(context, {
    what: 'fifteen participants: longest wait for a page',
    value: Math.max(...waits),
    unit: 'ms',
    atMost: 1000,
  });

  const inbound = await observer.inbound();
  measure(context, {
    what: 'fifteen participants: frames that could not be decoded',
    value:
      total(inbound, 'video', 'framesReceived') -
      total(inbound, 'video', 'framesDecoded') -
      total(inbound, 'video', 'framesDropped'),
    unit: 'frames',
    // Those on their way through the decoder.
    atMost: SEATS,
  });
  measure(context, {
    what: 'fifteen participants: freezes',
    value: total(inbound, 'video', 'freezeCount'),
    unit: '',
    atMost: 2,
  });
  expect(await observer.counters()).toMatchObject({ offers: 1, answers: 1, seats: SEATS });
});
