import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPage } from '../harness/browser.ts';
import { paint } from '../harness/colour.ts';
import type { Participant } from '../harness/participant.ts';
import { Stage } from '../harness/stage.ts';
import { until } from '../harness/wait.ts';

let stage: Stage;
let aiko: Participant;
/** Another tab: somebody else in the room. */
let other: Page;

beforeAll(async () => {
  stage = await Stage.open('keyboard');
  await stage.peerJoins({ name: 'Ben', codec: 'vp8', colour: paint(0), tone: 0 });
  aiko = await stage.join({ name: 'Aiko', colour: paint(1) });
  await aiko.sees({ Ben: paint(0) });
  ({ page: other } = await openPage(aiko.browser));
  await other.goto(`${stage.server.url}/r/${stage.room}?name=Olga&auto=1`);
  await other.getByTestId('leave').waitFor();
});

afterAll(() => stage.close());

/** Waits until a switch is on or off, as screen readers hear it. */
const switched = (testId: string, on: boolean): Promise<unknown> =>
  until(`${testId} to be ${on ? 'on' : 'off'}`, async () => {
    return (await aiko.get(testId).getAttribute('aria-pressed')) === String(on);
  });

/** Waits until others are told that we send this or not. */
const sending = (source: string, on: boolean): Promise<unknown> =>
  until(`the ${source} to be ${on ? 'sent' : 'muted'}`, () =>
    other.evaluate(
      ([wanted, isOn]) => {
        const person = window.hiroba?.room.participants.find(({ name }) => name === 'Aiko');
        const track = person?.tracks.find((one) => one.source === wanted);
        return (track !== undefined && !track.muted) === isOn;
      },
      [source, on] as const,
    ),
  );

test('each control has a key', async () => {
  const { keyboard } = aiko.page;
  for (const [key, testId, source] of [
    ['m', 'mic', 'microphone'],
    ['v', 'camera', 'camera'],
  ] as const) {
    await switched(testId, true);
    await keyboard.press(key);
    await switched(testId, false);
    await sending(source, false);
    await keyboard.press(key);
    await switched(testId, true);
    await sending(source, true);
  }
  await keyboard.press('s');
  await switched('screen', true);
  await sending('screen', true);
  await keyboard.press('s');
  await switched('screen', false);
  await sending('screen', false);

  await keyboard.press('p');
  await switched('people', true);
  await aiko.get('person').first().waitFor();
  expect(await aiko.get('person').count()).toBe(3);
  await keyboard.press('Escape');
  await switched('people', false);

  await keyboard.press('?');
  await aiko.page.getByRole('dialog').waitFor();
  await keyboard.press('Escape');
  await aiko.page.getByRole('dialog').waitFor({ state: 'detached' });
});

test('letters in the chat are letters', async () => {
  const { keyboard } = aiko.page;
  await keyboard.press('c');
  await switched('chat-open', true);
  await until('the cursor in the text field', () =>
    aiko.page.evaluate(() => document.activeElement?.getAttribute('data-testid') === 'chat-input'),
  );
  await keyboard.type('vms mm');
  expect(await aiko.get('chat-input').inputValue()).toBe('vms mm');
  await switched('mic', true);
  await switched('camera', true);
  await keyboard.press('Enter');
  await aiko.get('chat-message').getByText('vms mm').waitFor();
  await keyboard.press('Escape');
  await switched('chat-open', false);
});

test('Space speaks while it is held', async () => {
  const { keyboard, mouse } = aiko.page;
  await mouse.click(5, 5); // away from buttons, which Space would press
  await keyboard.press('m');
  await switched('mic', false);
  await keyboard.down(' ');
  await switched('mic', true);
  await sending('microphone', true);
  await keyboard.up(' ');
  await switched('mic', false);
  await sending('microphone', false);
  await keyboard.press('m');
  await switched('mic', true);
});

test('everything can be reached by Tab, and shows that it is', async () => {
  const { page } = aiko;
  const reached = new Set<string>();
  for (let press = 0; press < 40; press++) {
    await page.keyboard.press('Tab');
    const { label, isVisible } = await page.evaluate(() => {
      const element = document.activeElement;
      const style = element === null ? undefined : getComputedStyle(element);
      const outline = style !== undefined && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
      return { label: element?.getAttribute('aria-label') ?? element?.textContent ?? '', isVisible: outline };
    });
    if (label !== '' && label.length < 60) {
      expect(isVisible, `focus of "${label}" is visible`).toBe(true);
      reached.add(label);
    }
    // In a toolbar the arrows go on.
    if (label === 'Microphone') {
      for (let i = 0; i < 8; i++) {
        await page.keyboard.press('ArrowRight');
        reached.add((await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))) ?? '');
      }
    }
  }
  for (const label of ['Microphone', 'Camera', 'Share screen', 'Chat and files', 'People (3)', 'More', 'Leave']) {
    expect([...reached], `controls that the keyboard reached: ${[...reached].join('; ')}`).toContain(label);
  }
});
