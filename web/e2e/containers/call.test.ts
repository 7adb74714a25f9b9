import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { Participant } from '../harness/participant.ts';

/** HOST:PORT of the published ports. */
const published = process.env['HIROBA_AT'] ?? '';
const [host = '', port = ''] = published.split(':');

// Browsers give a camera to pages of localhost, so the web comes from there, as through `ssh -L`. Media does not: it goes
// to the published UDP port directly.
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

test('two browsers see each other through the published ports', async () => {
  forward.listen(0, '127.0.0.1');
  await once(forward, 'listening');
  const url = `http://127.0.0.1:${(forward.address() as AddressInfo).port}`;
  for (const [i, name] of ['Ada', 'Ben'].entries()) {
    const person = await Participant.open({ name, colour: paint(i) });
    people.push(person);
    await person.page.addInitScript(() => {
      window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          Object.assign(window, { connection: this });
        }
      };
    });
    await person.enter(url, 'containers');
  }
  const [ada, ben] = people;
  await ada?.sees({ Ben: paint(1) });
  await ben?.sees({ Ada: paint(0) });
  for (const person of people) {
    const remote = await person.page.evaluate(async () => {
      const { connection } = window as unknown as { connection: RTCPeerConnection };
      const stats = [...(await connection.getStats()).values()] as Record<string, unknown>[];
      const transport = stats.find(({ type }) => type === 'transport');
      const pair = stats.find(({ id }) => id === transport?.['selectedCandidatePairId']);
      const candidate = stats.find(({ id }) => id === pair?.['remoteCandidateId']);
      return `${String(candidate?.['protocol'])} ${String(candidate?.['address'])}:${String(candidate?.['port'])}`;
    });
    expect(remote).toBe(`udp ${published}`);
  }
});
