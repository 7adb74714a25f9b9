import type { Browser } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launch } from '../harness/browser.ts';
import { firefox, launchFirefox } from '../harness/firefox.ts';
import { Guest } from '../harness/guest.ts';
import { measure } from '../harness/measure.ts';
import { freePort } from '../harness/ports.ts';
import { Server } from '../harness/server.ts';
import { pause, until } from '../harness/wait.ts';

describe.skipIf(firefox === undefined)('Firefox in a room with Chromium', () => {
  let server: Server;
  let url: string;
  let chromium: Browser;
  let fox: Firefox;
  let aiko: Guest;

  beforeAll(async () => {
    // On all addresses: Firefox's candidates are those of the interface that the default route leads to, and it pairs none
    // of them with a loopback address.
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    server = await Server.start('firefox', '--listen', `:${port}`);
    chromium = await launch();
    fox = await launchFirefox();
    const page = await fox.newPage();
    aiko = await Guest.open(
      'Aiko',
      { goto: (address) => page.goto(address), evaluate: <T>(code: string) => page.evaluate(code) as Promise<T> },
      url,
    );
  });

  afterAll(async () => {
    await fox.close();
    await chromium.close();
    await server.stop();
  });

  describe.each(['vp8', 'vp9', 'av1'] as const)('%s', (codec) => {
    const what = codec.toUpperCase();
    // Firefox has no scalability modes: only VP8 comes in several qualities from it.
    const hasLayers = codec === 'vp8';
    let ben: Guest;

    beforeAll(async () => {
      ben = await Guest.open('Ben', await chromium.newPage(), url);
      await aiko.call('join', { room: codec, name: 'Aiko', options: { videoCodec: codec }, camera: 720 });
      await ben.call('join', { room: codec, name: 'Ben', options: { videoCodec: codec }, camera: 720 });
    });

    afterAll(async () => {
      await aiko.call('leave');
      await ben.call('leave');
    });

    test('they see each other', async () => {
      await aiko.call('show', { Ben: 720 });
      await ben.call('show', { Aiko: 720 });
      await ben.seesHeight('Aiko', 720);
      await aiko.seesHeight('Ben', 720);
      expect((await ben.picture('Aiko'))?.codec.toLowerCase()).toBe(`video/${codec}`);
      expect(await aiko.call('sent')).toHaveLength(hasLayers ? 3 : 1);
      const decoded = async (one: Guest, other: string): Promise<number> =>
        (await one.picture(other))?.framesDecoded ?? 0;
      const before = [await decoded(aiko, 'Ben'), await decoded(ben, 'Aiko')] as const;
      await pause(2000);
      expect((await decoded(aiko, 'Ben')) - before[0], 'pictures that Firefox decoded').toBeGreaterThan(15);
      expect((await decoded(ben, 'Aiko')) - before[1], 'pictures that Chromium decoded').toBeGreaterThan(15);
    });

    test('the picture in Firefox follows the size of the tile', async (context) => {
      const waits: number[] = [];
      const gaps: number[] = [];
      for (const height of [180, 720, 360, 720]) {
        await aiko.call('gaps');
        const waitMs = await aiko.call('resize', 'Ben', height, 8000);
        expect(waitMs, `Ben at ${height}: ${JSON.stringify(await aiko.call('received'))}`).toBeGreaterThan(0);
        waits.push(waitMs);
        await pause(2500);
        gaps.push((await aiko.call('gaps'))['Ben'] ?? NaN);
      }
      const name = `${what} from Chromium to Firefox`;
      measure(context, { what: `${name}: other layer, max`, value: Math.max(...waits), unit: 'ms', atMost: 2000 });
      measure(context, { what: `${name}: still picture`, value: Math.max(...gaps), unit: 'ms', atMost: 1000 });
    });

    test.runIf(hasLayers)('the picture from Firefox follows the size of the tile', async (context) => {
      const waits: number[] = [];
      const gaps: number[] = [];
      for (const height of [180, 720, 360, 720]) {
        await ben.call('gaps');
        const waitMs = await ben.call('resize', 'Aiko', height, 8000);
        expect(waitMs, `Aiko at ${height}: ${JSON.stringify(await ben.call('received'))}`).toBeGreaterThan(0);
        waits.push(waitMs);
        await pause(3000);
        gaps.push((await ben.call('gaps'))['Aiko'] ?? NaN);
      }
      const name = `${what} from Firefox to Chromium`;
      measure(context, { what: `${name}: other layer, max`, value: Math.max(...waits), unit: 'ms', atMost: 2000 });
      measure(context, { what: `${name}: still picture`, value: Math.max(...gaps), unit: 'ms', atMost: 1000 });
    });

    test('Firefox sends nothing that nobody sees', async (context) => {
      await ben.call('show', {});
      await pause(4000);
      const before = { pictures: await aiko.picturesSent(), sound: await aiko.call('soundSent') };
      await pause(2000);
      const after = { pictures: await aiko.picturesSent(), sound: await aiko.call('soundSent') };
      expect(after.sound).toBeGreaterThan(before.sound);
      measure(context, {
        what: `${what} from Firefox: sent of a camera that nobody sees`,
        value: after.pictures - before.pictures,
        unit: 'bytes',
        atMost: 0,
      });
      const waitMs = await ben.call('reveal', 'Aiko', 180, 8000);
      expect(waitMs, 'the picture comes back').toBeGreaterThan(0);
      measure(context, { what: `${what} from Firefox: seen again after`, value: waitMs, unit: 'ms', atMost: 1500 });
    });

    test('Firefox turns its camera off and on and negotiates nothing', async () => {
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
});
