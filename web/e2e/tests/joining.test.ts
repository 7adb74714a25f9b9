import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { measure, percentile } from '../harness/measure.ts';
import { Stage } from '../harness/stage.ts';
import { until } from '../harness/wait.ts';

const JOINS = 20;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open('joining');
  await stage.peerJoins({ name: 'Ben', codec: 'vp8', colour: paint(0), tone: 0 });
});

afterAll(() => stage.close());

test('the first picture comes quickly, twenty joins', async (context) => {
  const { page } = await stage.browser({ name: 'Olga', colour: paint(1) });
  const times = { connection: [] as number[], click: [] as number[], sight: [] as number[] };
  for (let join = 0; join < JOINS; join++) {
    await page.goto(`${stage.server.url}/r/joining?name=Olga`);
    // Somebody who looks into the mirror before going in.
    await until('the mirror', () => page.evaluate(() => (document.querySelector('video')?.videoWidth ?? 0) > 0));
    await page.getByTestId('join').click();
    const look = () =>
      page.evaluate(() => ({ timings: window.hiroba?.room.timings ?? {}, moments: window.probe.moments() }));
    await until('the first picture', async () => {
      const { timings, moments } = await look();
      return timings.joinMs !== undefined && !Number.isNaN(moments.pictureMs);
    });
    const { timings, moments } = await look();
    const { peerConnectionMs = NaN } = timings;
    times.connection.push(peerConnectionMs);
    // The SDK's clock starts in join(); this one when the button was pressed.
    times.click.push(moments.connectionMs - moments.clickMs + peerConnectionMs);
    times.sight.push(moments.pictureMs - moments.clickMs);
    await page.getByTestId('leave').click();
    await page.getByTestId('rejoin').waitFor();
  }
  expect(times.connection).toHaveLength(JOINS);
  const told = (what: string, values: readonly number[], p50?: number, p95?: number): void => {
    const target = (atMost?: number): object => (atMost === undefined ? {} : { atMost });
    measure(context, { what: `${what}, p50`, value: percentile(values, 0.5), unit: 'ms', ...target(p50) });
    measure(context, { what: `${what}, p95`, value: percentile(values, 0.95), unit: 'ms', ...target(p95) });
  };
  told('20 joins: new PeerConnection to first decoded frame', times.connection, 250, 500);
  told('20 joins: click on join to first decoded frame', times.click, 500);
  told('20 joins: click on join to first frame on the screen', times.sight, 500);
});
