import path from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faults } from '../harness/axe.ts';
import { openPage } from '../harness/browser.ts';
import { paint } from '../harness/colour.ts';
import { fakeCamera } from '../harness/fakeMedia.ts';
import { outFolder } from '../harness/paths.ts';
import { person } from '../harness/scene.ts';
import type { Participant } from '../harness/participant.ts';
import { Stage } from '../harness/stage.ts';
import { pause, until } from '../harness/wait.ts';

let stage: Stage;
let viewer: Participant;

beforeAll(async () => {
  stage = await Stage.open('pages');
  const peers = [
    { name: 'Ben', codec: 'vp8', colour: paint(4), tone: 0 },
    { name: 'Chen Xiaoming von Hohenzollern-Sigmaringen', codec: 'vp8', colour: paint(6), tone: 1 },
    { name: 'Dana', tone: 2 },
    { name: '藤原 文子', codec: 'h264' },
  ] as const;
  for (const peer of peers) await stage.peerJoins(peer);
  viewer = await stage.browser({ name: 'Aiko', camera: fakeCamera('viewer', person(0), { width: 640, height: 360 }) });
});

afterAll(() => stage.close());

const desk = { width: 1280, height: 720 };
const phone = { isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

const looks: Record<string, BrowserContextOptions> = {
  'light, English': { viewport: desk, colorScheme: 'light', locale: 'en-US' },
  'dark, Japanese': { viewport: desk, colorScheme: 'dark', locale: 'ja-JP' },
  'phone, light, Japanese': { viewport: { width: 390, height: 844 }, ...phone, colorScheme: 'light', locale: 'ja-JP' },
  'phone, dark, English': { viewport: { width: 360, height: 640 }, ...phone, colorScheme: 'dark', locale: 'en-US' },
  'phone on its side': { viewport: { width: 844, height: 390 }, ...phone, colorScheme: 'light', locale: 'en-US' },
};

/** Things come in softly. */
const settled = async (page: Page): Promise<void> => {
  await pause(300);
  await page.evaluate(() =>
    Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)),
    ).then(() => undefined),
  );
};

test.for(Object.entries(looks))('every page is accessible and fits: %s', async ([look, options]) => {
  const { page, complaints } = await openPage(viewer.browser, options);
  const examine = async (name: string): Promise<void> => {
    await settled(page);
    const file = `${name} (${look}).png`.replaceAll(/[ ,()]+/gu, '-').replace('-.png', '.png');
    await page.screenshot({ path: path.join(outFolder('screenshots'), file) });
    const found = await faults(page);
    expect.soft(found, `axe on ${name}, ${look}: ${found.join('; ')}`).toEqual([]);
    const { scroll, width } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      width: document.documentElement.clientWidth,
    }));
    expect.soft(scroll, `width of ${name}, ${look}`).toBeLessThanOrEqual(width);
  };
  const press = (testId: string): Promise<void> => page.getByTestId(testId).click();

  await page.goto(stage.server.url);
  await page.getByTestId('room').waitFor();
  await examine('start');

  await page.goto(`${stage.server.url}/r/pages?name=Aiko`);
  await until('the mirror', () => page.evaluate(() => (document.querySelector('video')?.videoWidth ?? 0) > 0));
  await examine('green room');

  await press('join');
  await page.getByTestId('leave').waitFor();
  await until('pictures', () =>
    page.evaluate(() => window.probe.look().filter(({ picture }) => picture === 'playing').length >= 3),
  );
  await examine('room');
  const { scroll, height } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollHeight,
    height: document.documentElement.clientHeight,
  }));
  expect.soft(scroll, 'height of the room').toBeLessThanOrEqual(height);

  await press('chat-open');
  await page.getByTestId('chat-input').fill('Hello, 広場! See https://example.com/');
  await press('chat-send');
  await page.getByTestId('chat-message').first().waitFor();
  await page.getByTestId('file-input').setInputFiles({
    name: 'minutes of the meeting.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('nothing was decided'),
  });
  await page.getByTestId('file-offer').first().waitFor();
  await examine('chat');
  await page.keyboard.press('Escape');

  if (!(await page.getByTestId('people').isVisible())) await press('more');
  else {
    await press('people');
    await page.getByTestId('person').first().waitFor();
  }
  await examine('people');
  await page.keyboard.press('Escape');

  await press('leave');
  await page.getByTestId('rejoin').waitFor();
  await examine('end');

  await page.goto(`${stage.server.url}/r/${look.replaceAll(/[ ,]+/gu, '-')}?name=Aiko&auto=1`);
  await page.getByTestId('invite-link').waitFor();
  await examine('alone');
  await page.context().close();
  expect(complaints).toEqual([]);
});
