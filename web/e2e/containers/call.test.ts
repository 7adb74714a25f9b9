import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openPage } from '../harness/browser.ts';
import { paint } from '../harness/colour.ts';
import { Participant, type ParticipantOptions } from '../harness/participant.ts';
import { newFolder, trusting } from '../harness/trust.ts';

/** HOST:PORT of the published ports. */
const published = process.env['HIROBA_AT'] ?? '';
const [host = '', port = ''] = published.split(':');
/** How media must come: `udp` or `tcp`. */
const via = process.env['HIROBA_VIA'] ?? 'udp';
/** Where the rooms are by https; without it the page comes from localhost. */
const secure = process.env['HIROBA_URL'];
/** The certificate of who is to be trusted by the browsers. */
const authority = process.env['HIROBA_CA'];
/** What a resolver of names would know, as `MAP name address`. */
const names = process.env['HIROBA_NAMES'];
/** The page about trust, as the computer shows it that the server runs on. */
const trustPage = process.env['HIROBA_TRUST_PAGE'];

// Browsers give a camera to pages of localhost, so without TLS the web comes from there, as through `ssh -L`. Media does not:
// it goes to the published port directly.
const forward = createServer((near) => {
  const far = connect(Number(port), host);
  near.pipe(far).pipe(near);
  for (const end of [near, far]) {
    end.on('error', () => {
      near.destroy();
      far.destroy();
    });
  }
});

const people: Participant[] = [];

afterAll(async () => {
  for (const person of people) await person.close();
  forward.close();
});

/** A browser that keeps the connection of its page in sight. */
async function open(options: ParticipantOptions): Promise<Participant> {
  const person = await Participant.open({
    ...options,
    ...(names === undefined ? {} : { args: [`--host-resolver-rules=${names}`] }),
  });
  people.push(person);
  await person.page.addInitScript(() => {
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        Object.assign(window, { connection: this });
      }
    };
  });
  return person;
}

/** Where the media of a browser goes. */
const remote = (person: Participant): Promise<string> =>
  person.page.evaluate(async () => {
    const { connection } = window as unknown as { connection: RTCPeerConnection };
    const stats = [...(await connection.getStats()).values()] as Record<string, unknown>[];
    const transport = stats.find(({ type }) => type === 'transport');
    const pair = stats.find(({ id }) => id === transport?.['selectedCandidatePairId']);
    const candidate = stats.find(({ id }) => id === pair?.['remoteCandidateId']);
    return `${String(candidate?.['protocol'])} ${String(candidate?.['address'])}:${String(candidate?.['port'])}`;
  });

const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

test.skipIf(trustPage !== undefined)('two browsers see each other through the published ports', async () => {
  let url = secure;
  if (url === undefined) {
    forward.listen(0, '127.0.0.1');
    await once(forward, 'listening');
    url = `http://127.0.0.1:${(forward.address() as AddressInfo).port}`;
  }
  const home = authority === undefined ? {} : { home: trusting(authority) };
  for (const [i, name] of ['Ada', 'Ben'].entries()) {
    const person = await open({ name, colour: paint(i), ...home });
    await person.enter(url, 'containers');
    expect(await person.page.evaluate(() => window.isSecureContext)).toBe(true);
  }
  const [ada, ben] = people;
  await ada?.sees({ Ben: paint(1) });
  await ben?.sees({ Ada: paint(0) });
  for (const person of people) {
    expect(await remote(person)).toBe(`${via} ${published}`);
    const { joinMs = NaN } = await person.page.evaluate(() => window.hiroba?.room.timings ?? {});
    console.log(`${person.name}: joining to first decoded frame ${Math.round(joinMs)} ms`);
  }
});

// What deploy/README.md, "A room in the house", tells people to do. They read a certificate into the settings of their phone; here
// it goes into the database that Chromium reads.
test.skipIf(trustPage === undefined)('a phone scans the code, learns to trust, and joins', async () => {
  const stranger = await Participant.open({ name: 'Sora' });
  const { page: computer } = await openPage(stranger.browser, {
    viewport: { width: 1280, height: 1400 },
    deviceScaleFactor: 3,
  });
  await computer.setContent(readFileSync(trustPage ?? '', 'utf8'));
  const picture = path.join(newFolder('code'), 'code.png');
  await computer.locator('figure svg').screenshot({ path: picture });
  const scan = spawnSync('zbarimg', ['--quiet', '--raw', picture], { encoding: 'utf8' });
  expect(scan.stdout.trim()).toBe(`http://${published}/trust`);

  const { page } = await openPage(stranger.browser, phone);
  await page.goto(scan.stdout.trim());
  await page.locator('#state').getByText('does not trust the server yet').waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download').click()]);
  const certificate = path.join(newFolder('download'), 'hiroba-ca.crt');
  await download.saveAs(certificate);
  await stranger.browser.close();

  const home = trusting(certificate);
  const ada = await open({ name: 'Ada', colour: paint(0), home, context: phone });
  await ada.page.goto(`http://${published}/trust`);
  await ada.page.locator('#state').getByText('This device trusts the server').waitFor();
  await ada.page.getByRole('link', { name: 'Open the rooms', exact: true }).click();
  await ada.get('room').waitFor();
  expect(ada.page.url()).toBe(`https://${published}/`);
  await ada.enter(`https://${published}`, 'house');
  const ben = await open({ name: 'Ben', colour: paint(1), home });
  await ben.enter(`https://${published}`, 'house');
  await ada.sees({ Ben: paint(1) });
  await ben.sees({ Ada: paint(0) });
  expect(await remote(ada)).toBe(`${via} ${published}`);
});
