import path from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faults } from '../harness/axe.ts';
import { openPage } from '../harness/browser.ts';
import { paint } from '../harness/colour.ts';
import { outFolder } from '../harness/paths.ts';
import type { Participant } from '../harness/participant.ts';
import { Stage } from '../harness/stage.ts';
import { canTrust, newFolder, trusting } from '../harness/trust.ts';
import { until } from '../harness/wait.ts';

let stage: Stage;
let stranger: Participant;
let certificate: string;

beforeAll(async () => {
  stage = await Stage.open('trust', '--tls', 'lan', '--data-dir', newFolder('data'));
  // A name that leads here, and is not localhost: by http:// it is no secure page.
  stranger = await stage.browser({ name: 'Sora', args: ['--host-resolver-rules=MAP rooms.local 127.0.0.1'] });
});

// That a stranger's browser complains about the certificate is what is tested.
afterAll(() => stage.close(/ERR_CERT_AUTHORITY_INVALID|Cross-Origin-Opener-Policy/u));

const state = (page: Page) => page.locator('#state');

test('a device that does not trust the server is led to where it can learn to', async () => {
  const { page } = stranger;
  for (const url of [stage.server.secureUrl, `${stage.server.url}/r/trust`]) {
    const refused = await openPage(stranger.browser);
    await expect(refused.page.goto(url)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID');
    await refused.page.context().close();
  }

  await page.goto(`${stage.server.url}/trust`);
  await page.getByRole('heading', { level: 1, name: 'Trust this server on your device' }).waitFor();
  await state(page).getByText('does not trust the server yet').waitFor();
  await page.locator('details[open]#linux').waitFor();

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download').click()]);
  expect(download.suggestedFilename()).toBe('hiroba-ca.crt');
  certificate = path.join(newFolder('download'), 'hiroba-ca.crt');
  await download.saveAs(certificate);
});

const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const looks: Record<string, BrowserContextOptions> = {
  'light, English': { colorScheme: 'light', locale: 'en-US' },
  'dark, Japanese': { colorScheme: 'dark', locale: 'ja-JP' },
  'phone, light, Japanese': { ...phone, colorScheme: 'light', locale: 'ja-JP' },
  'phone, dark, English': { ...phone, colorScheme: 'dark', locale: 'en-US' },
};

test.for(Object.entries(looks))('the page about trust is accessible and fits: %s', async ([look, options]) => {
  const { page } = await openPage(stranger.browser, options);
  await page.goto(`${stage.server.url}/trust`);
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
  const found = await faults(page);
  expect.soft(found, `axe: ${found.join('; ')}`).toEqual([]);
  const { scroll, width } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    width: document.documentElement.clientWidth,
  }));
  expect.soft(scroll, 'width').toBeLessThanOrEqual(width);
  expect(await page.evaluate(() => document.documentElement.lang)).toBe(look.includes('Japanese') ? 'ja' : 'en');
  const file = `trust (${look}).png`.replaceAll(/[ ,()]+/gu, '-').replace('-.png', '.png');
  await page.screenshot({ path: path.join(outFolder('screenshots'), file), fullPage: true });
  await page.context().close();
});

test.skipIf(!canTrust && process.env['CI'] !== 'true')(
  'devices that trust the server meet in a room by https',
  async () => {
    const home = trusting(certificate);
    const aiko = await stage.browser({ name: 'Aiko', colour: paint(1), home });
    await aiko.page.goto(`${stage.server.url}/trust`);
    await state(aiko.page).getByText('This device trusts the server').waitFor();
    await aiko.page.getByRole('link', { name: 'Open the rooms', exact: true }).click();
    await aiko.get('room').waitFor();
    expect(aiko.page.url()).toBe(`${stage.server.secureUrl}/`);

    // Whoever follows an old link without TLS comes in by TLS, too.
    await aiko.enter(stage.server.url, 'trust');
    expect(aiko.page.url()).toContain(stage.server.secureUrl);
    expect(await aiko.page.evaluate(() => window.isSecureContext)).toBe(true);

    const ben = await stage.browser({ name: 'Ben', colour: paint(4), home });
    await ben.enter(`https://localhost:${stage.server.port}`, 'trust');
    await aiko.sees({ Ben: paint(4), Aiko: paint(1) });
    await ben.sees({ Aiko: paint(1) });
  },
);

test('a page without TLS says why there is no camera, and joining works without', async () => {
  const plain = await Stage.open('plain');
  for (const [locale, title] of [
    ['en-US', 'No camera and no microphone on this page'],
    ['ja-JP', 'このページではカメラとマイクを使えません'],
  ] as const) {
    const { page, complaints } = await openPage(stranger.browser, { locale });
    await page.goto(`http://rooms.local:${plain.server.port}/r/plain?name=Sora`);
    await page.locator('[data-failure=insecure]').getByText(title).waitFor();
    await page.getByText('--tls lan').waitFor();
    const found = await faults(page);
    expect.soft(found, `axe: ${found.join('; ')}`).toEqual([]);
    await page.screenshot({ path: path.join(outFolder('screenshots'), `insecure-${locale}.png`) });
    await page.getByTestId('join').click();
    await until('Sora to be in', () => page.evaluate(() => window.hiroba?.room.state.kind === 'joined'));
    await page.context().close();
    expect(complaints.filter((complaint) => !complaint.includes('Cross-Origin-Opener-Policy'))).toEqual([]);
  }
  await plain.close();
});
