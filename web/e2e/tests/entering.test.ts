import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPage } from '../harness/browser.ts';
import { paint } from '../harness/colour.ts';
import type { Participant, ParticipantOptions } from '../harness/participant.ts';
import { Stage } from '../harness/stage.ts';
import { until } from '../harness/wait.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open('entering');
  await stage.peerJoins({ name: 'Ben', codec: 'vp8', colour: paint(0), tone: 0 });
});

afterAll(() => stage.close());

const colour = paint(1);

/** A browser in front of the green room, closed when the test has ended. */
async function inFront(options: ParticipantOptions): Promise<Participant> {
  const participant = await stage.browser(options);
  await participant.page.goto(`${stage.server.url}/r/${stage.room}`);
  return participant;
}

const isIn = ({ page }: Participant): Promise<boolean> =>
  page.evaluate(() => window.hiroba?.room.state.kind === 'joined');

test('from the start page through the green room into a room, and out again', async () => {
  const aiko = await stage.browser({ name: 'Aiko', colour });
  const { page } = aiko;
  await page.goto(stage.server.url);
  await aiko.get('room').fill('entering');
  await aiko.get('name').fill('Aiko');
  await aiko.get('join').click();

  await page.waitForURL(`${stage.server.url}/r/entering`);
  expect(await aiko.get('name').inputValue()).toBe('Aiko');
  await until('the mirror', () =>
    page.evaluate(
      () => (document.querySelector<HTMLVideoElement>('[data-testid=self-view] video')?.videoWidth ?? 0) > 0,
    ),
  );
  await aiko.get('join').click();

  await aiko.sees({ Ben: paint(0) });
  expect(await aiko.get('self-view').locator('video').count()).toBe(1);

  // A reload comes straight back, as the same person.
  await page.reload();
  await aiko.sees({ Ben: paint(0), Aiko: colour });
  expect(await page.evaluate(() => window.hiroba?.room.participants.map(({ name }) => name))).toEqual(['Ben']);

  await aiko.get('leave').click();
  await aiko.get('rejoin').waitFor();
  await aiko.get('rejoin').click();
  await aiko.get('join').click();
  await aiko.sees({ Ben: paint(0) });

  // The room is remembered on the start page.
  await page.goto(stage.server.url);
  await page.getByRole('link', { name: 'entering' }).waitFor();
});

test('an empty room name gives a room that is empty', async () => {
  const [aiko] = stage.participants;
  if (aiko === undefined) throw new Error('nobody there');
  const { page } = aiko;
  await page.goto(stage.server.url);
  await aiko.get('join').click();
  await page.waitForURL(/\/r\/.+/u);
  await aiko.get('name').fill('Aiko');
  await aiko.get('join').click();
  expect(await aiko.get('invite-link').inputValue()).toBe(page.url());
});

test('a refused permission is explained, and joining works without', async () => {
  const chen = await inFront({ name: 'Chen', access: 'refused' });
  const { page } = chen;
  await page.locator('[data-failure=denied][data-input=camera]').waitFor();
  await page.locator('[data-failure=denied][data-input=microphone]').waitFor();
  await page.getByText('The camera is blocked for this page').waitFor();
  await chen.get('name').fill('Chen');
  await chen.get('join').click();
  await until('Chen to be in', () => isIn(chen));
  // Somebody who only listens sees and hears all the same.
  await chen.sees({ Ben: paint(0) });
  await chen.browser.close();
});

test('a machine without a camera is told so, and joining works without', async () => {
  const dana = await inFront({ name: 'Dana', access: 'no camera' });
  const { page } = dana;
  await page.locator('[data-failure=missing][data-input=camera]').waitFor();
  await page.getByText('No camera was found').waitFor();
  await dana.get('name').fill('Dana');
  await dana.get('join').click();
  await dana.sees({ Ben: paint(0) });
  await dana.browser.close();
});

test('a name that is taken is refused in words, and another one is accepted', async () => {
  const emil = await inFront({ name: 'Emil', colour });
  const { page } = emil;
  await emil.get('name').fill('Ben');
  await emil.get('join').click();
  await page.getByText('Somebody in this room is already called Ben').waitFor();
  await emil.get('name').fill('Emil');
  await emil.get('join').click();
  await emil.sees({ Ben: paint(0) });
  await emil.browser.close();
});

test('?auto=1 joins at once, in Japanese for who reads Japanese', async () => {
  const [aiko] = stage.participants;
  if (aiko === undefined) throw new Error('nobody there');
  const { page, complaints } = await openPage(aiko.browser, { locale: 'ja-JP' });
  await page.goto(`${stage.server.url}/r/entering?name=${encodeURIComponent('文子')}&auto=1`);
  await page.getByTestId('leave').waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('ja');
  expect(await page.evaluate(() => window.hiroba?.room.self?.name)).toBe('文子');
  await page.context().close();
  expect(complaints).toEqual([]);
});
