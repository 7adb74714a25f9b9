import { afterAll, beforeAll, expect, test } from 'vitest';
import { clipColours, paint } from '../harness/colour.ts';
import { measure, percentile } from '../harness/measure.ts';
import { Stage } from '../harness/stage.ts';
import { pause } from '../harness/wait.ts';

const CHANGES = 20;

// One seat, so that each page of the grid is one person, and each turn of a page changes the occupant of that seat.
const people = [
  { name: 'Ben', codec: 'vp8', colour: paint(2), tone: 0 },
  { name: 'Chen', codec: 'vp9', colour: clipColours.vp9, tone: 1 },
  { name: 'Dana', codec: 'h264', colour: clipColours.h264, tone: 2 },
  { name: 'Emil', codec: 'av1', colour: clipColours.av1, tone: 3 },
] as const;
const codecs = { vp8: 'video/VP8', vp9: 'video/VP9', h264: 'video/H264', av1: 'video/AV1' };

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open('switching', '--seats', '1', '--max-seats', '1');
  for (const peer of people) await stage.peerJoins(peer);
});

afterAll(() => stage.close());

test('twenty changes of occupant and codec in one seat freeze nothing', async (context) => {
  const observer = await stage.join({ name: 'Olga', colour: paint(1) });
  const { page } = observer;
  const next = page.getByRole('button', { name: 'More people' });
  // The first page is one's own.
  await next.waitFor();
  await page.evaluate(() => window.probe.press('More people', {}, 0));
  await observer.sees({ Ben: paint(2) });
  await pause(1000);

  const [before] = (await observer.inbound()).filter(({ kind }) => kind === 'video');
  const waits: number[] = [];
  const seen: string[] = [];
  let at = 0;
  let step = 1;
  for (let change = 0; change < CHANGES; change++) {
    if (at + step < 0 || at + step >= people.length) step = -step;
    at += step;
    const person = people[at];
    if (person === undefined) throw new Error('nobody there');
    const waitMs = await page.evaluate(([label, expected]) => window.probe.press(label, expected, 3000), [
      step > 0 ? 'More people' : 'Previous people',
      { [person.name]: person.colour },
    ] as const);
    expect(waitMs, `${person.name} was seen in time: ${JSON.stringify(await observer.look())}`).toBeGreaterThan(0);
    waits.push(waitMs);
    await pause(500);
    const [line] = (await observer.inbound()).filter(({ kind }) => kind === 'video');
    expect(line?.codec).toBe(codecs[person.codec]);
    seen.push(line?.codec ?? '');
  }
  expect(new Set(seen).size, 'codecs that were seen').toBe(4);

  const lines = (await observer.inbound()).filter(({ kind }) => kind === 'video');
  expect(lines, 'm-lines with pictures').toHaveLength(1);
  const [after] = lines;
  if (before === undefined || after === undefined) throw new Error('no picture was received');
  measure(context, {
    what: '20 changes of occupant and codec: freezes',
    value: after.freezeCount,
    unit: '',
    atMost: 0,
  });
  measure(context, {
    what: '20 changes of occupant and codec: lost packets',
    value: after.packetsLost,
    unit: '',
    atMost: 0,
  });
  measure(context, { what: '20 changes: new picture after, p50', value: percentile(waits, 0.5), unit: 'ms' });
  measure(context, { what: '20 changes: new picture after, max', value: Math.max(...waits), unit: 'ms', atMost: 1000 });
  measure(context, {
    what: '20 changes: frames that could not be decoded',
    value: after.framesReceived - after.framesDecoded - after.framesDropped,
    unit: 'frames',
    // The last one of the former occupant may still be in the decoder that goes.
    atMost: CHANGES,
  });
  const { offers, answers } = await observer.counters();
  expect({ offers, answers }).toEqual({ offers: 1, answers: 1 });
});
