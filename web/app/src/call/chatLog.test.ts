import type { ChatMessage, FileItem } from '@hiroba/sdk';
import { describe, expect, it } from 'vitest';
import { mergeLog, messageKey } from './chatLog.ts';

const message = (seq: number, change: Partial<ChatMessage> = {}): ChatMessage => ({
  seq,
  from: 'a',
  name: 'Aiko',
  text: `text ${seq}`,
  atMs: seq,
  state: 'sent',
  ...change,
});
const file = (localId: string): FileItem => ({
  file: 1,
  localId,
  own: false,
  from: 'a',
  fromName: 'Aiko',
  name: 'a.txt',
  size: 1,
  mime: '',
  transfers: [],
  state: 'offered',
});
const chat = [message(1), message(2), message(3)];
const keyOf = (seq: number): string => messageKey(message(seq));

describe('mergeLog', () => {
  it('puts a file behind the message that was last when it was offered', () => {
    const anchors = new Map([
      ['f', keyOf(2)],
      ['g', keyOf(2)],
    ]);
    const entries = mergeLog(chat, [file('f'), file('g')], anchors, () => false);
    expect(entries.map((entry) => entry.key)).toEqual([keyOf(1), keyOf(2), 'f', 'g', keyOf(3)]);
  });

  it('puts a file first that was offered before anything was said', () => {
    expect(mergeLog(chat, [file('f')], new Map(), () => false)[0]?.key).toBe('f');
  });

  it('loses no file when its message is forgotten', () => {
    expect(mergeLog(chat.slice(1), [file('f')], new Map([['f', keyOf(1)]]), () => false)[0]?.key).toBe('f');
  });
});

describe('messageKey', () => {
  it('stays when the server counts anew', () => {
    expect(messageKey(message(7, { seq: -2 }))).toBe(messageKey(message(7)));
    expect(messageKey(message(7, { id: 'x', seq: 1e9 }))).toBe(messageKey(message(7, { id: 'x', atMs: 3 })));
  });
});
