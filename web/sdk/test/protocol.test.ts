import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseFileMessage, parseServerMessage } from '../src/protocol.ts';
import type { ClientMessage, FileMessage, ServerMessage } from '../src/protocol.ts';

interface Golden {
  readonly direction: 'client' | 'server' | 'file';
  readonly message: { readonly type: string };
}

/** The examples that the Go side is tested with too. */
const golden = JSON.parse(
  readFileSync(new URL('../../../signaling/protocol/testdata/golden.json', import.meta.url), 'utf8'),
) as Record<string, Golden>;

/** The members of each message as protocol.ts declares them; `?` marks those that may be missing. */
const clientMembers: Record<ClientMessage['type'], string> = {
  hello: 'version client? resume? traceparent?',
  join: 'room name replaces?',
  offer: 'id sdp seats tracks restart?',
  candidate: 'candidate sdpMid? sdpMLineIndex? usernameFragment?',
  view: 'tiles',
  mute: 'source muted',
  chat_send: 'id? text',
  leave: '',
  ping: 'time',
  report: 'firstFrame? freezes freezeMs framesDropped path?',
};
const serverMembers: Record<ServerMessage['type'], string> = {
  welcome: 'version server resumed? room self participants session graceMs iceServers limits seats chat speakers',
  joined: 'participant',
  left: 'participant reason',
  updated: 'participant',
  answer: 'id sdp',
  candidate: 'candidate sdpMid? sdpMLineIndex? usernameFragment?',
  seats: 'seats',
  need_seats: 'seats',
  layers: 'source highest',
  speakers: 'speakers',
  chat: 'seq id? from name text at',
  error: 'code message re? id? retryAfterMs? to?',
  draining: 'endsInMs to?',
  bye: 'reason message reconnect afterMs?',
  pong: 'time',
};
const fileMembers: Record<FileMessage['type'], string> = {
  file_offer: 'id? file? from? name size mime?',
  file_accept: 'file',
  file_start: 'file transfer to',
  file_ack: 'transfer bytes',
  file_cancel: 'file transfer? reason?',
  file_done: 'file transfer',
  error: 'code message re? id? retryAfterMs? to?',
};
const members = { client: clientMembers, server: serverMembers, file: fileMembers };

describe('golden messages', () => {
  it.each(Object.entries(golden))('%s has the members that the types declare', (_name, { direction, message }) => {
    const declared = (members[direction] as Record<string, string | undefined>)[message.type];
    expect(declared, `type ${message.type}`).toBeDefined();
    const words = (declared ?? '').split(' ').filter((word) => word !== '');
    const required = words.filter((word) => !word.endsWith('?'));
    const allowed = words.map((word) => word.replace('?', ''));
    const present = Object.keys(message).filter((key) => key !== 'type');
    expect(present).toEqual(expect.arrayContaining(required));
    expect(allowed).toEqual(expect.arrayContaining(present));
  });

  it('have an example of every type', () => {
    for (const direction of ['client', 'server', 'file'] as const) {
      const examples = Object.values(golden).filter((example) => example.direction === direction);
      const types = new Set(examples.map(({ message }) => message.type));
      expect([...types].sort()).toEqual(Object.keys(members[direction]).sort());
    }
  });

  it.each(Object.entries(golden).filter(([, { direction }]) => direction === 'server'))(
    '%s is read as it was written',
    (_name, { message }) => {
      expect(parseServerMessage(JSON.stringify(message))).toEqual(message);
    },
  );

  it.each(Object.entries(golden).filter(([, { direction }]) => direction === 'file'))(
    '%s is read on the file channel',
    (_name, { message }) => {
      expect(parseFileMessage(JSON.stringify(message))).toEqual(message);
    },
  );
});

describe('what is not a message', () => {
  it.each([
    ['binary data', new ArrayBuffer(4)],
    ['broken JSON', '{"type":"pong"'],
    ['no object', '7'],
    ['null', 'null'],
    ['no type', '{"time":1}'],
    ['a type that is no string', '{"type":7}'],
    ['a type of a newer version', '{"type":"confetti"}'],
    ['a name of Object.prototype', '{"type":"toString"}'],
  ])('is ignored: %s', (_name, data) => {
    expect(parseServerMessage(data)).toBeUndefined();
    expect(parseFileMessage(data)).toBeUndefined();
  });
});
