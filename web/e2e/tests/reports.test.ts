import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { Stage } from '../harness/stage.ts';
import { until } from '../harness/wait.ts';

let stage: Stage;
/** A collector of traces, which keeps what it is sent as it is. Names of spans are readable in it. */
let collector: HttpServer;
let traces = '';

beforeAll(async () => {
  collector = createServer((request, response) => {
    request.setEncoding('latin1');
    request.on('data', (chunk: string) => (traces += chunk));
    request.on('end', () => response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  stage = await Stage.open('reports', '--otlp-endpoint', `http://127.0.0.1:${port}`);
  await stage.peerJoins({ name: 'Ben', codec: 'vp8', colour: paint(0), tone: 0 });
});

afterAll(async () => {
  await stage.close();
  collector.close();
});

test('the browser tells the server when it shows the first picture, and how it goes', async () => {
  const { server } = stage;
  const { page } = await stage.join({ name: 'Olga', colour: paint(1) });
  const first = await until('the report of the first picture', async () => {
    return (await server.metric('hiroba_client_first_frame_seconds_count')) === 1;
  });
  expect(first).toBe(true);
  const joinMs = await page.evaluate(() => window.hiroba?.room.timings.joinMs ?? NaN);
  expect(await server.metric('hiroba_client_first_frame_seconds_sum')).toBeCloseTo(joinMs / 1000, 2);

  await until('the trace with the first frame', () => traces.includes('first frame') && traces.includes('shown'));
  for (const step of [
    'websocket upgrade',
    'sdp offer',
    'sdp answer',
    'ice',
    'dtls',
    'first packet in',
    'first packet out',
  ]) {
    expect(traces).toContain(step);
  }

  // The next one comes after ten seconds, the last one with the goodbye.
  await until('a second report', async () => (await server.metric('hiroba_client_reports_total')) === 2);
  await page.getByTestId('leave').click();
  await until('the last report', async () => (await server.metric('hiroba_client_reports_total')) === 3);
  expect(await server.metric('hiroba_client_reports_total', 'protocol="udp"')).toBe(3);
  expect(await server.metric('hiroba_client_rtt_seconds_count')).toBeGreaterThan(0);
  expect(await server.metric('hiroba_signaling_errors_total')).toBe(0);
});
