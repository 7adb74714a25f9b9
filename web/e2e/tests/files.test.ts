import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { paint } from '../harness/colour.ts';
import { measure } from '../harness/measure.ts';
import type { Participant } from '../harness/participant.ts';
import { outFolder } from '../harness/paths.ts';
import { Smoothness } from '../harness/smoothness.ts';
import { Stage } from '../harness/stage.ts';
import { pause, until } from '../harness/wait.ts';

const SIZE = 20 << 20;
const LINES = 200;

// Small windows: painting, which is done by the processor here, must not be what holds up media.
const context = { viewport: { width: 800, height: 500 } };
const people = ['Aiko', 'Ben'].map((name, i) => ({ name, colour: paint(i), context }));
const colours = Object.fromEntries(people.map(({ name, colour }) => [name, colour]));

let stage: Stage;
let sender: Participant;
let receiver: Participant;

/** A file that cannot be compressed, and its hash. */
function makeFile(name: string, size: number): { file: string; hash: string } {
  const file = path.join(outFolder('media'), name);
  const content = randomBytes(size);
  writeFileSync(file, content);
  return { file, hash: createHash('sha256').update(content).digest('hex') };
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

beforeAll(async () => {
  stage = await Stage.open('files');
  [sender, receiver] = (await Promise.all(people.map((person) => stage.join(person)))) as [Participant, Participant];
  await Promise.all([sender.sees(colours), receiver.sees(colours)]);
  await sender.get('chat-open').click();
  await receiver.get('chat-open').click();
});

afterAll(() => stage.close());

const offer = (participant: Participant, name: string): ReturnType<Participant['get']> =>
  participant.page.locator(`[data-testid=file-offer][data-name="${name}"]`);

test('a file of 20 MB and 200 lines of chat arrive as they were sent, and media goes on', async (context) => {
  const { file, hash } = makeFile('twenty.bin', SIZE);
  const calm = await Smoothness.watch(stage.participants);
  await pause(5000);
  await calm.tell(context, 'before the 20 MB file', false);
  const busy = await Smoothness.watch(stage.participants);

  await sender.get('file-input').setInputFiles(file);
  const downloading = receiver.page.waitForEvent('download', { timeout: 60_000 });
  const startMs = performance.now();
  await offer(receiver, 'twenty.bin').getByTestId('file-accept').click();

  // Meanwhile both talk, with everything that a text may have in it.
  const sent = Array.from(
    { length: LINES },
    (_, i) => `${i}: 広場 👩‍👩‍👧 <b>&amp;</b> "quoted"\n\tsecond line ${'x'.repeat(i)}`,
  );
  const chatting = sender.page.evaluate(async (lines) => {
    for (const line of lines) {
      window.hiroba?.room.sendChat(line);
      // The server takes 50 messages in a second from one person.
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }, sent);
  await receiver.get('chat-input').fill('Typed by hand, sent by Enter');
  await receiver.get('chat-input').press('Enter');

  const download = await downloading;
  const tookMs = performance.now() - startMs;
  await chatting;
  expect(await hashOf(await download.path())).toBe(hash);
  expect(download.suggestedFilename()).toBe('twenty.bin');
  await offer(receiver, 'twenty.bin').getByTestId('file-done').waitFor();
  await offer(sender, 'twenty.bin').getByTestId('file-done').waitFor();

  const linesAt = (participant: Participant): Promise<string[]> =>
    participant.page.evaluate(() =>
      (window.hiroba?.room.chat ?? [])
        .filter(({ name, state }) => name === 'Aiko' && state === 'sent')
        .map((m) => m.text),
    );
  for (const participant of [sender, receiver]) {
    await until(`all lines at ${participant.name}`, async () => (await linesAt(participant)).length >= LINES);
    expect(await linesAt(participant)).toEqual(sent);
  }
  await sender.get('chat-message').getByText('Typed by hand, sent by Enter').waitFor();
  expect(await receiver.get('chat-message').count()).toBe(LINES + 1);

  measure(context, { what: '20 MB file: rate', value: (SIZE * 8) / 1000 / tookMs, unit: 'Mbit/s' });
  await busy.tell(context, 'during the 20 MB file');
});

test('both sides can cancel a transfer, and the next one works', async () => {
  const { file } = makeFile('cancelled.bin', 64 << 20);
  const name = 'cancelled.bin';
  const transferAt = (participant: Participant): Promise<string | undefined> =>
    participant.page.evaluate(
      (wanted) => window.hiroba?.room.files.find((f) => f.name === wanted)?.transfers.at(-1)?.state,
      name,
    );
  await sender.get('file-input').setInputFiles(file);

  for (const canceller of [receiver, sender]) {
    await offer(receiver, name).getByTestId('file-accept').click();
    await until('some bytes', () =>
      receiver.page.evaluate((wanted) => {
        const transfer = window.hiroba?.room.files.find((f) => f.name === wanted)?.transfers.at(-1);
        return transfer?.state === 'running' && transfer.bytes > 1_000_000;
      }, name),
    );
    await canceller.page.getByRole('button', { name: `Cancel ${name}` }).click();
    for (const participant of [sender, receiver]) {
      await until(
        `the transfer to be cancelled at ${participant.name}`,
        async () => (await transferAt(participant)) === 'cancelled',
        {},
        () => transferAt(participant),
      );
    }
    // It can be asked for again.
    await offer(receiver, name).getByTestId('file-accept').waitFor();
  }

  // Nothing comes after a cancel.
  const bytes = (): Promise<number | undefined> =>
    receiver.page.evaluate(
      (wanted) => window.hiroba?.room.files.find((f) => f.name === wanted)?.transfers.at(-1)?.bytes,
      name,
    );
  const cancelledAt = await bytes();
  await pause(500);
  expect(await bytes()).toBe(cancelledAt);

  // The offer is withdrawn.
  await sender.page.getByRole('button', { name: `Withdraw ${name}` }).click();
  await offer(receiver, name).getByText('No longer offered').waitFor();

  const small = makeFile('small.bin', 100_000);
  await receiver.get('file-input').setInputFiles(small.file);
  const downloading = sender.page.waitForEvent('download');
  await offer(sender, 'small.bin').getByTestId('file-accept').click();
  expect(await hashOf(await (await downloading).path())).toBe(small.hash);
});
