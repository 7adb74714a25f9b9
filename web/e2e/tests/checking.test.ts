import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faults } from '../harness/axe.ts';
import { openPage } from '../harness/browser.ts';
import { paint } from '../harness/colour.ts';
import { outFolder } from '../harness/paths.ts';
import { Stage } from '../harness/stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open('checking');
});

afterAll(() => stage.close());

test('the green room says by what media will go, in both languages', async () => {
  const aiko = await stage.browser({ name: 'Aiko', colour: paint(1) });
  for (const [locale, words] of [
    ['en-US', /^The connection is good: media goes by UDP/u],
    ['ja-JP', /^接続は良好です（UDP/u],
  ] as const) {
    const { page } = await openPage(aiko.browser, { locale, viewport: { width: 1280, height: 800 } });
    await page.goto(`${stage.server.url}/r/${stage.room}`);
    const line = page.getByTestId('connection');
    await line.and(page.locator('[data-verdict^=udp]')).waitFor();
    expect(await line.getByRole('status').textContent()).toMatch(words);
    await line.locator('summary').click();
    await page.getByTestId('way-udp').waitFor();
    expect(await page.getByTestId('way-udp').getAttribute('data-result')).toBe('works');
    const found = await faults(page);
    expect.soft(found, `axe: ${found.join('; ')}`).toEqual([]);
    await page.screenshot({ path: path.join(outFolder('screenshots'), `checking-${locale}.png`) });
    await page.context().close();
  }
});

test('the page for the phone of hiroba doctor says the same by itself', async () => {
  const [aiko] = stage.participants;
  if (aiko === undefined) throw new Error('nobody there');
  await aiko.page.goto(`${stage.server.url}/check`);
  await aiko.page.locator('[data-verdict^=udp]').waitFor();
  await aiko.page.getByTestId('way-udp').waitFor();
});
