import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launch } from '../harness/browser.ts';
import { Guest } from '../harness/guest.ts';
import { measure, percentile } from '../harness/measure.ts';
import { Server } from '../harness/server.ts';
import { pause, until } from '../harness/wait.ts';

/** Longer than the server waits before it tells a publisher that something is not needed. */
const ASLEEP_MS = 4000;
const JOINS = 10;

let server: Server;
let browser: Browser;

beforeAll(async () => {
  server = await Server.start('layers');
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await server.stop();
});

const guest = async (name: string): Promise<Guest> => Guest.open(name, await browser.newPage(), server.url);

describe.each([
  { codec: 'vp8', mode: 'simulcast' },
  { codec: 'h264', mode: 'simulcast' },
  { codec: 'vp9', mode: 'L3T3_KEY' },
  { codec: 'av1', mode: 'L3T3_KEY' },
] as const)('$codec, $mode', ({ codec, mode }) => {
  const what = codec.toUpperCase();
  let aiko: Guest;
  let ben: Guest;
  let chen: Guest;

  beforeAll(async () => {
    aiko = await guest('Aiko');
    await aiko.call('join', { room: codec, name: 'Aiko', options: { videoCodec: codec }, camera: 720 });
    ben = await guest('Ben');
    await ben.call('join', { room: codec, name: 'Ben', options: {} });
    chen = await guest('Chen');
    await chen.call('join', { room: codec, name: 'Chen', options: {} });
  });

  afterAll(async () => {
    for (const one of [aiko, ben, chen]) await one.call('leave');
  });

  test('each gets the picture that fits the tile', async () => {
    await ben.call('show', { Aiko: 720 });
    await chen.call('show', { Aiko: 180 });
    await chen.seesHeight('Aiko', 180);
    await ben.seesHeight('Aiko', 720);
    await chen.seesHeight('Aiko', 180);
    const [{ scalabilityMode } = {}, ...others] = (await aiko.call('stats')).tracks.filter(
      ({ source, direction }) => source === 'camera' && direction === 'send',
    );
    if (mode === 'simulcast') expect(others).toHaveLength(2);
    else expect(scalabilityMode).toBe(mode);
    expect((await ben.picture('Aiko'))?.codec.toLowerCase()).toBe(`video/${codec}`);
  });

  test('the picture follows the size of the tile', async (context) => {
    await chen.call('gaps');
    const waits: number[] = [];
    const gaps: number[] = [];
    for (const height of [180, 720, 360, 720]) {
      await ben.call('gaps');
      const waitMs = await ben.call('resize', 'Aiko', height, 8000);
      expect(waitMs, `a picture for ${height} pixels: ${JSON.stringify(await ben.call('received'))}`).toBeGreaterThan(
        0,
      );
      waits.push(waitMs);
      await pause(3000); // what is not needed any more falls asleep
      gaps.push((await ben.call('gaps'))['Aiko'] ?? NaN);
    }
    measure(context, {
      what: `${what}: other layer seen after, max`,
      value: Math.max(...waits),
      unit: 'ms',
      atMost: 2000,
    });
    measure(context, { what: `${what}: longest still picture`, value: Math.max(...gaps), unit: 'ms', atMost: 1000 });
    const bystander = (await chen.call('gaps'))['Aiko'] ?? NaN;
    measure(context, {
      what: `${what}: longest still picture of a bystander`,
      value: bystander,
      unit: 'ms',
      atMost: 1000,
    });
  });

  test('nothing is sent that nobody sees', async (context) => {
    await ben.call('show', { Aiko: 180 });
    await chen.call('show', { Aiko: 180 });
    await ben.seesHeight('Aiko', 180);
    if (mode === 'simulcast') {
      await until(
        'the larger encodings to sleep',
        async () => (await aiko.call('sent')).every(({ rid, active }) => active === (rid === 'q')),
        {},
        () => aiko.call('sent'),
      );
    }

    await ben.call('show', {});
    await chen.call('show', {});
    await pause(ASLEEP_MS);
    const before = { pictures: await aiko.picturesSent(), sound: await aiko.call('soundSent') };
    await pause(2000);
    const after = { pictures: await aiko.picturesSent(), sound: await aiko.call('soundSent') };
    expect(after.sound).toBeGreaterThan(before.sound);
    measure(context, {
      what: `${what}: sent of a camera that nobody sees`,
      value: after.pictures - before.pictures,
      unit: 'bytes',
      atMost: 0,
    });

    const waitMs = await ben.call('reveal', 'Aiko', 180, 8000);
    expect(waitMs, 'the picture comes back').toBeGreaterThan(0);
    measure(context, { what: `${what}: seen again after`, value: waitMs, unit: 'ms', atMost: 1000 });
  });

  test('turning the camera off and on negotiates nothing', async () => {
    const { offers } = await aiko.call('counters');
    await aiko.call('camera', false);
    await pause(1000);
    const before = (await ben.picture('Aiko'))?.framesDecoded ?? 0;
    await aiko.call('camera', true);
    await until(
      'the picture to come back',
      async () => ((await ben.picture('Aiko'))?.framesDecoded ?? 0) > before,
      {},
      () => Promise.all([ben.call('received'), aiko.call('sent')]),
    );
    expect((await aiko.call('counters')).offers).toBe(offers);
  });
});

test('who joins a running room sees a picture soon', async (context) => {
  const aiko = await guest('Aiko');
  await aiko.call('join', { room: 'joins', name: 'Aiko', options: {}, camera: 720 });
  const ben = await guest('Ben');
  await ben.call('join', { room: 'joins', name: 'Ben', options: {} });
  await ben.seesHeight('Aiko', 720);
  const chen = await guest('Chen');
  const waits: number[] = [];
  for (let join = 0; join < JOINS; join++) {
    await chen.call('join', { room: 'joins', name: 'Chen', options: {} });
    await until('the first picture', async () => (await chen.call('firstPictureMs')) > 0);
    waits.push(await chen.call('firstPictureMs'));
    await chen.call('leave');
  }
  const [p50, p95] = [percentile(waits, 0.5), percentile(waits, 0.95)];
  measure(context, {
    what: `${JOINS} joins of a running room: first picture, p50`,
    value: p50,
    unit: 'ms',
    atMost: 500,
  });
  measure(context, { what: `${JOINS} joins of a running room: first picture, p95`, value: p95, unit: 'ms' });
  for (const one of [aiko, ben]) await one.call('leave');
});
