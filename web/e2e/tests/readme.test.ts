import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fakeCamera } from '../harness/fakeMedia.ts';
import { screenshots } from '../harness/paths.ts';
import { person } from '../harness/scene.ts';
import { Stage } from '../harness/stage.ts';
import { pause, until } from '../harness/wait.ts';

// The picture that the README shows is made anew with UPDATE_SCREENSHOTS=1.
const isWanted = process.env['UPDATE_SCREENSHOTS'] === '1';

let stage: Stage | undefined;

beforeAll(async () => {
  if (isWanted) stage = await Stage.open('tea');
});

afterAll(() => stage?.close());

test.runIf(isWanted)('a room with several people, for the README', async () => {
  if (stage === undefined) throw new Error('no stage');
  const names = ['Aiko', 'Ben', 'Chiara', 'Dana'];
  // The first one to come is the last one to join, so that everybody is there before the picture is taken.
  for (const [i, name] of [...names.entries()].reverse()) {
    const camera = fakeCamera(`person${i}`, person(i), { width: 640, height: 360 });
    await stage.join({
      name,
      camera,
      context: { viewport: { width: 1280, height: 760 }, deviceScaleFactor: i === 0 ? 1.5 : 1 },
    });
  }
  // Two more without a camera, of whom one speaks.
  await stage.peerJoins({ name: 'Emil', tone: 1 });
  await stage.peerJoins({ name: '藤原 文子', tone: 2 });
  await stage.peerMutes('藤原 文子', 'microphone', true);
  const aiko = stage.participants.at(-1);
  const ben = stage.participants.at(-2);
  const chiara = stage.participants.at(-3);
  if (aiko === undefined || ben === undefined || chiara === undefined) throw new Error('nobody there');
  for (const participant of stage.participants) await participant.get('mic').click();

  const say = (participant: typeof aiko, text: string): Promise<unknown> =>
    participant.page.evaluate((words) => window.hiroba?.room.sendChat(words), text);
  await say(ben, 'Good morning! Can everybody hear Emil?');
  await say(chiara, 'Loud and clear ☕');
  await aiko.get('chat-open').click();
  await aiko.get('chat-message').nth(1).waitFor();
  await aiko.get('chat-input').fill('はい、よく聞こえます。');
  await aiko.get('chat-send').click();
  await ben.get('file-input').setInputFiles({
    name: 'agenda.pdf',
    mimeType: 'application/pdf',
    buffer: Buffer.alloc(348_000),
  });
  await aiko.get('file-offer').waitFor();
  await until('all pictures', async () => {
    return (await aiko.look()).filter(({ picture }) => picture === 'playing').length === 4;
  });
  // Notices have gone by then.
  await aiko.page.mouse.move(640, 5);
  await pause(6500);
  mkdirSync(screenshots, { recursive: true });
  await aiko.page.screenshot({ path: path.join(screenshots, 'room.png') });
  expect((await aiko.look()).length).toBe(6);
});
