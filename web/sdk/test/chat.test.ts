import { describe, expect, it } from 'vitest';
import { ChatLog } from '../src/chat.ts';

const chat = (seq: number, text = `text ${seq}`, extra: { id?: string; at?: number } = {}) => ({
  seq,
  from: 'p-1',
  name: 'Ada',
  text,
  at: extra.at ?? 1000 + seq,
  ...(extra.id === undefined ? {} : { id: extra.id }),
});
const texts = (log: ChatLog): string[] => log.messages.map((message) => message.text);

describe('ChatLog', () => {
  it('drops what comes twice', () => {
    const log = new ChatLog();
    expect(log.add(chat(1))).toBe(true);
    expect(log.add(chat(1))).toBe(false);
    expect(log.messages).toHaveLength(1);
  });

  it('sorts by sequence number, whatever the order of arrival', () => {
    const log = new ChatLog();
    for (const seq of [2, 5, 1, 4, 3]) {
      log.add(chat(seq));
    }
    expect(log.messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it('makes a new list at each change and none without', () => {
    const log = new ChatLog();
    log.add(chat(1));
    const list = log.messages;
    log.add(chat(1));
    expect(log.messages).toBe(list);
    log.add(chat(2));
    expect(log.messages).not.toBe(list);
  });

  it('replaces our message by its echo and keeps its mark', () => {
    const log = new ChatLog();
    log.say('m1', 'p-1', 'Ada', 'hello', 5);
    expect(log.messages[0]).toMatchObject({ state: 'sending', id: 'm1' });
    log.add(chat(1, 'hello', { id: 'm1' }));
    expect(log.messages).toEqual([
      { seq: 1, id: 'm1', from: 'p-1', name: 'Ada', text: 'hello', atMs: 1001, state: 'sent' },
    ]);
    expect(log.pending).toEqual([]);
  });

  it('keeps what is not echoed after everything else', () => {
    const log = new ChatLog();
    log.say('m1', 'p-1', 'Ada', 'mine', 5);
    log.add(chat(1));
    log.add(chat(2));
    expect(texts(log)).toEqual(['text 1', 'text 2', 'mine']);
  });

  it('fails a message once, and takes its echo even then', () => {
    const log = new ChatLog();
    log.say('m1', 'p-1', 'Ada', 'mine', 5);
    expect(log.fail('m1')).toBe(true);
    expect(log.fail('m1')).toBe(false);
    log.add(chat(1, 'mine', { id: 'm1' }));
    expect(log.messages).toMatchObject([{ state: 'sent', seq: 1 }]);
  });

  it('fills the gap of a reconnect from the history', () => {
    const log = new ChatLog();
    log.merge([chat(1), chat(2)]);
    log.merge([chat(2), chat(3), chat(4)]);
    expect(texts(log)).toEqual(['text 1', 'text 2', 'text 3', 'text 4']);
  });

  it.each([
    ['is empty', []],
    ['starts over', [chat(1, 'new', { at: 9000 })]],
    ['has overtaken ours', [1, 2, 3].map((seq) => chat(seq, `new ${seq}`, { at: 9000 + seq }))],
  ])('keeps what was said before a restart, with numbers below 1, when the history %s', (_name, history) => {
    const log = new ChatLog();
    log.merge([chat(1), chat(2)]);
    log.merge(history);
    expect(texts(log)).toEqual(['text 1', 'text 2', ...history.map(({ text }) => text)]);
    expect(log.messages.map(({ seq }) => seq)).toEqual([-1, 0, ...history.map(({ seq }) => seq)]);
    log.merge([]); // once more
    expect(new Set(log.messages.map(({ seq }) => seq)).size).toBe(log.messages.length);
  });
});

describe('a fresh join', () => {
  it('finds our own message in the history although it has lost its mark', () => {
    const log = new ChatLog();
    log.say('m1', 'p-old', 'Ada', 'hello', 5);
    log.merge([chat(1, 'hello')]);
    expect(log.messages).toMatchObject([{ seq: 1, id: 'm1', state: 'sent' }]);
  });

  it('does not take what somebody else said for ours', () => {
    const log = new ChatLog();
    log.say('m1', 'p-old', 'Ben', 'hello', 5);
    log.merge([chat(1, 'hello')]);
    expect(log.pending).toHaveLength(1);
  });
});
