import { expect, test } from 'vitest';
import { keepOnly } from './check.ts';

test('only the candidates of one transport stay in an answer', () => {
  const head = 'v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
  const udp = 'a=candidate:1 1 udp 2130706431 192.0.2.1 443 typ host\r\n';
  const tcp = 'a=candidate:2 1 TCP 1671430143 192.0.2.1 443 typ host tcptype passive\r\n';
  const tail = 'a=end-of-candidates\r\n';
  expect(keepOnly(head + udp + tcp + tail, 'udp')).toBe(head + udp + tail);
  expect(keepOnly(head + udp + tcp + tail, 'tcp')).toBe(head + tcp + tail);
});
