import { afterAll, beforeAll, expect, test } from 'vitest';
import { clipColours, paint, type Rgb } from '../harness/colour.ts';
import { measure, percentile } from '../harness/measure.ts';
import { type Participant, total } from '../harness/participant.ts';
import { Stage } from '../harness/stage.ts';
import { pause, until } from '../harness/wait.ts';

const SEATS = 6;

// Twelve without a browser, in all codecs, and three browsers, of which the last one looks at the others.
const clips = ['vp9', 'h264', 'av1'] as const;
const peers = Array.from({ length: 12 }, (_, i) => {
  const codec = (i % 4 === 3 ? clips[i >> 2] : undefined) ?? ('vp8' as const);
  const colour = codec === 'vp8' ? paint(i) : clipColours[codec];
  return { name: `Peer ${i + 1}`, codec, colour, ...(i < 5 ? { tone: i } : {}) };
});
const browsers = ['Aiko', 'Ben'].map((name, i) => ({ name, colour: paint(12 + i) }));
const others = [...peers, ...browsers];
const colours: Readonly<Record<string, Rgb>> = Object.fromEntries(others.map(({ name, colour }) => [name, colour]));

/** Who is on a page, in which colour. */
const pageOf = (page: number): Record<string, Rgb> =>
  Object.fromEntries(others.slice(page * SEATS, (page + 1) * SEATS).map(({ name, colour }) => [name, colour]));

let stage: Stage;
let observer: Participant;

beforeAll(async () => {
  stage = await Stage.open('fifteen', '--seats', String(SEATS), '--max-seats', String(SEATS));
  for (const peer of peers) await stage.peerJoins(peer);
  for (const browser of browsers) await stage.join(browser);
  observer = await stage.browser({ name: 'Olga', colour: paint(14) });
  // Without one's own tile each page has as many others as there are seats.
  await observer.page.addInitScript(() => {
    localStorage.setItem('hiroba.selfView', 'hidden');
  });
  await observer.enter(stage.server.url, stage.room);
  await until('fourteen others', () => observer.page.evaluate(() => window.hiroba?.room.participants.length === 14));
  await observer.sees(pageOf(0));
});

afterAll(() => stage.close());

/** Turns the pages in this order, from the first one, and returns how long each took to show the right people. */
async function turn(pages: readonly number[], restMs: number): Promise<number[]> {
  const waits: number[] = [];
  let at = 0;
  for (const to of pages) {
    const label = to > at ? 'More people' : 'Previous people';
    const waitMs = await observer.page.evaluate(([button, expected]) => window.probe.press(button, expected, 5000), [
      label,
      pageOf(to),
    ] as const);
    expect(waitMs, `page ${to + 1} was right within 5 s: ${JSON.stringify(await observer.look())}`).toBeGreaterThan(0);
    waits.push(waitMs);
    at = to;
    await pause(restMs);
  }
  return waits;
}

test('paging through fifteen participants in six seats shows the right people in time', async (context) => {
  await observer.page.evaluate((expected) => {
    window.probe.watchFaces(expected);
  }, colours);
  const waits = await turn([1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0], 200);
  const { looks, wrong } = await observer.page.evaluate(() => window.probe.stopWatching());
  measure(context, { what: '15 participants: right page after, p50', value: percentile(waits, 0.5), unit: 'ms' });
  measure(context, {
    what: '15 participants: right page after, max',
    value: Math.max(...waits),
    unit: 'ms',
    atMost: 1000,
  });
  measure(context, {
    what: '15 participants: pictures under a wrong name',
    value: wrong.length,
    unit: `of ${looks}`,
    atMost: 0,
  });
  expect(wrong).toEqual([]);
  expect(looks).toBeGreaterThan(100);
  expect(await observer.counters()).toMatchObject({ offers: 1, answers: 1, seats: SEATS });
});

test('changing all six occupants ten times breaks no decoder', async (context) => {
  // Only between full pages: a seat that was without a picture for a while counts that while as a freeze.
  await turn([1, 0], 1000);
  const before = await observer.inbound();
  await turn([1, 0, 1, 0, 1, 0, 1, 0, 1, 0], 500);
  const after = await observer.inbound();
  const rise = (of: Parameters<typeof total>[2]): number => total(after, 'video', of) - total(before, 'video', of);
  const decoded = rise('framesDecoded');
  expect(decoded).toBeGreaterThan(500);
  // What freezes are left are moments in which the machine itself stood still, in all seats together.
  measure(context, {
    what: '60 changes in six seats: freezes',
    value: rise('freezeCount'),
    unit: '',
    atMost: 2 * SEATS,
  });
  // A decoder that fails has the browser ask for a keyframe.
  measure(context, {
    what: '60 changes in six seats: keyframes the browser had to ask for',
    value: rise('pliCount'),
    unit: '',
    atMost: 0,
  });
  measure(context, {
    what: '60 changes in six seats: frames that were not decoded',
    value: rise('framesReceived') - decoded - rise('framesDropped'),
    unit: `of ${rise('framesReceived')}`,
    atMost: 60,
  });
  measure(context, {
    what: '60 changes in six seats: frames dropped',
    value: rise('framesDropped'),
    unit: `of ${rise('framesReceived')}`,
  });
});
