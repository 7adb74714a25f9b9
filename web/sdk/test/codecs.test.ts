import { describe, expect, it } from 'vitest';
import { selectCodecs } from '../src/codecs.ts';

/** What Chromium lists, shortened. */
const chromium = [
  { mimeType: 'video/VP8' },
  { mimeType: 'video/rtx' },
  { mimeType: 'video/VP9', sdpFmtpLine: 'profile-id=0' },
  { mimeType: 'video/VP9', sdpFmtpLine: 'profile-id=2' },
  { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f' },
  { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f' },
  { mimeType: 'video/H264', sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' },
  { mimeType: 'video/AV1', sdpFmtpLine: 'level-idx=5;profile=0;tier=0' },
  { mimeType: 'video/AV1', sdpFmtpLine: 'level-idx=5;profile=1;tier=0' },
  { mimeType: 'video/H265', sdpFmtpLine: 'level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST' },
  { mimeType: 'video/red' },
  { mimeType: 'video/ulpfec' },
  { mimeType: 'video/flexfec-03', sdpFmtpLine: 'repair-window=10000000' },
];

const names = (codecs: readonly { mimeType: string; sdpFmtpLine?: string }[]): string[] =>
  codecs.map(({ mimeType, sdpFmtpLine }) => [mimeType, sdpFmtpLine].filter(Boolean).join(' '));

describe('selectCodecs', () => {
  it('keeps the room codecs in order, repair last', () => {
    expect(names(selectCodecs(chromium, 'video'))).toEqual([
      'video/VP8',
      'video/VP9 profile-id=0',
      'video/H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
      'video/AV1 level-idx=5;profile=0;tier=0',
      'video/H265 level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST',
      'video/rtx',
    ]);
  });

  it('puts the preferred codec first', () => {
    const codecs = names(selectCodecs(chromium, 'video', 'av1'));
    expect(codecs[0]).toMatch(/^video\/AV1/);
    expect(codecs[1]).toMatch(/^video\/VP8/);
    expect(codecs).toHaveLength(6);
    expect(names(selectCodecs(chromium, 'video', 'h265'))[0]).toMatch(/^video\/H265/);
  });

  it('takes the main profile of H.265 only', () => {
    const lines = ['profile-id=1;tier-flag=1', 'profile-id=2;tier-flag=0', 'level-id=93'];
    const codecs = lines.map((sdpFmtpLine) => ({ mimeType: 'video/H265', sdpFmtpLine }));
    expect(selectCodecs(codecs, 'video')).toEqual(codecs.slice(2));
  });

  it('takes any level of H.264 constrained baseline, in any case', () => {
    const android = [{ mimeType: 'video/h264', sdpFmtpLine: 'profile-level-id=42E034;packetization-mode=1' }];
    expect(selectCodecs(android, 'video')).toEqual(android);
  });

  it('takes VP9 and AV1 without parameters as their first profiles', () => {
    const firefox = [{ mimeType: 'video/VP9' }, { mimeType: 'video/AV1' }];
    expect(selectCodecs(firefox, 'video')).toEqual(firefox);
  });

  it('leaves the choice to a browser that has none of them', () => {
    expect(selectCodecs([{ mimeType: 'video/H266' }, { mimeType: 'video/rtx' }], 'video')).toEqual([]);
  });

  it('keeps nothing but Opus for sound, with redundancy first', () => {
    const audio = [{ mimeType: 'audio/opus' }, { mimeType: 'audio/red' }, { mimeType: 'audio/PCMU' }];
    expect(names(selectCodecs(audio, 'audio'))).toEqual(['audio/red', 'audio/opus']);
    expect(names(selectCodecs(audio, 'audio', 'red'))).toEqual(['audio/red', 'audio/opus']);
    expect(names(selectCodecs(audio, 'audio', 'opus'))).toEqual(['audio/opus', 'audio/red']);
    expect(names(selectCodecs(audio.slice(0, 1), 'audio'))).toEqual(['audio/opus']);
    expect(names(selectCodecs(audio.slice(1), 'audio'))).toEqual([]);
  });
});
