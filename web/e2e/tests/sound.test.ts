import { afterAll, beforeAll, expect, test } from 'vitest';
import { tones } from '../harness/fakeMedia.ts';
import { measure } from '../harness/measure.ts';
import type { Participant } from '../harness/participant.ts';
import type { Inbound } from '../harness/probe.ts';
import { Stage } from '../harness/stage.ts';
import { pause, until } from '../harness/wait.ts';

/** Those with browsers have RED; Pia has none, as Firefox has none. */
const people = [
  { name: 'Aiko', hz: tones[0] },
  { name: 'Ben', hz: tones[1] },
];
const pia = { name: 'Pia', hz: 800, tone: 2 };

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open('sound');
  await Promise.all(people.map((person) => stage.join(person)));
  await stage.peerJoins({ name: pia.name, tone: pia.tone });
});

afterAll(() => stage.close());

/** What comes on the m-lines of sound on which something comes. */
const heardBy = async (participant: Participant): Promise<readonly Inbound[]> =>
  (await participant.inbound()).filter(({ kind, packetsReceived }) => kind === 'audio' && packetsReceived > 0);

test('sound goes with redundancy between those who have it, and without to the others', async (context) => {
  for (const participant of stage.participants) {
    const { name } = participant;
    await until(
      `${name} to hear two`,
      async () => (await heardBy(participant)).filter(({ packetsReceived }) => packetsReceived > 150).length === 2,
      {},
      () => heardBy(participant),
    );
    const heard = await heardBy(participant);
    for (const line of heard) expect(line.codecs, `codecs of a seat of ${name}`).toEqual(['audio/red', 'audio/opus']);
    // getStats() names what is inside of the redundancy. But whatever is repeated without need is thrown away.
    const shares = heard.map(({ packetsDiscarded, packetsReceived }) => packetsDiscarded / packetsReceived).toSorted();
    measure(context, {
      what: `sound: packets that ${name} got twice from who has RED`,
      value: Math.round(100 * (shares[1] ?? 0)),
      unit: '%',
      atLeast: 90,
    });
    measure(context, {
      what: `sound: packets that ${name} got twice from who has none`,
      value: Math.round(100 * (shares[0] ?? 1)),
      unit: '%',
      atMost: 10,
    });
    const [sent, ...others] = await participant.page.evaluate(() => window.probe.sentSound());
    expect(others).toEqual([]);
    expect(sent?.codecs, `what ${name} sends`).toEqual(['audio/red', 'audio/opus']);
  }
});

test('media is encrypted with the cheapest cipher', async () => {
  for (const participant of stage.participants) {
    const ciphers = await participant.page.evaluate(() => window.probe.srtpCiphers());
    expect(ciphers, `ciphers of ${participant.name}`).toEqual(['SRTP_AEAD_AES_128_GCM']);
  }
});

test('everybody hears everybody', async (context) => {
  let quietest = 0;
  for (const participant of stage.participants) {
    const sounds = await participant.page.evaluate(() => window.probe.listen(1500));
    for (const { name, hz } of [...people, pia].filter((person) => person.name !== participant.name)) {
      const sound = sounds[name];
      expect(Math.abs((sound?.hz ?? 0) - hz), `${participant.name} hears ${name} at ${sound?.hz} Hz`).toBeLessThan(20);
      quietest = Math.min(quietest, sound?.level ?? -200);
    }
  }
  measure(context, { what: 'sound with redundancy: quietest voice', value: quietest, unit: 'dBFS', atLeast: -60 });
});

test('who is silent sends next to nothing', async (context) => {
  const silent = await stage.join({ name: 'Chen', hz: 0 });
  const sent = async (): Promise<number> =>
    (await silent.page.evaluate(() => window.probe.sentSound())).reduce((sum, { packets }) => sum + packets, 0);
  await until('the first sound', async () => (await sent()) > 0);
  await pause(2000); // the encoder listens for a while
  const before = await sent();
  await pause(4000);
  const rate = ((await sent()) - before) / 4;
  measure(context, { what: 'sound: packets sent in silence', value: rate, unit: 'per second', atMost: 15 });
  // And nobody takes that for loss, or for the end of the track.
  const listener = stage.participants[0];
  const lines = listener === undefined ? [] : await heardBy(listener);
  expect(lines.length, 'streams of sound').toBe(3);
  for (const line of lines) expect(line.packetsLost, `packets lost of ${line.codec}`).toBe(0);
});
