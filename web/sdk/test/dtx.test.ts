import { describe, expect, it } from 'vitest';
import { allowDtx } from '../src/dtx.ts';

const line = (mid: string, ...attributes: string[]): string =>
  ['m=audio 9 UDP/TLS/RTP/SAVPF 63 111', `a=mid:${mid}`, ...attributes, ''].join('\r\n');
const opus = 'a=rtpmap:111 opus/48000/2';
const red = ['a=rtpmap:63 red/48000/2', 'a=fmtp:63 111/111'];

describe('allowDtx', () => {
  it('changes the parameters of Opus on the m-lines that are named, and nothing else', () => {
    const head = 'v=0\r\ns=-\r\n';
    const other = line('11', ...red, opus, 'a=fmtp:111 minptime=10;useinbandfec=1');
    const answer = head + line('1', ...red, opus, 'a=fmtp:111 minptime=10;useinbandfec=1') + other;
    expect(allowDtx(answer, ['1'])).toBe(
      head + line('1', ...red, opus, 'a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1') + other,
    );
    expect(allowDtx(answer, [])).toBe(answer);
    expect(allowDtx(answer, ['7'])).toBe(answer);
  });

  it('adds parameters where there are none', () => {
    expect(allowDtx(line('0', opus), ['0'])).toBe(line('0', opus, 'a=fmtp:111 usedtx=1'));
  });

  it('leaves what is said already, and what has no Opus', () => {
    for (const said of ['a=fmtp:111 usedtx=0', 'a=fmtp:111 minptime=10;usedtx=1']) {
      expect(allowDtx(line('0', opus, said), ['0'])).toBe(line('0', opus, said));
    }
    expect(allowDtx(line('0'), ['0'])).toBe(line('0'));
  });
});
