import type { ConnectionCheck } from '@hiroba/sdk';

/** What a connection test means for a call, with how good that is. */
export interface Verdict {
  readonly kind: 'udp' | 'udpTimed' | 'tcp' | 'relay' | 'blocked' | 'noWebSocket';
  readonly level: 'good' | 'fair' | 'bad';
  readonly ms: number | undefined;
}

/** The best way that works decides, because that is what a call takes. */
export function verdict({ webSocket, ways }: ConnectionCheck): Verdict {
  if (!webSocket) return { kind: 'noWebSocket', level: 'bad', ms: undefined };
  if (ways.udp.kind === 'works') {
    const ms = ways.udp.rttMs;
    return { kind: ms === undefined ? 'udp' : 'udpTimed', level: 'good', ms };
  }
  if (ways.tcp.kind === 'works') return { kind: 'tcp', level: 'fair', ms: ways.tcp.rttMs };
  if (ways.relay.kind === 'works') return { kind: 'relay', level: 'fair', ms: ways.relay.rttMs };
  return { kind: 'blocked', level: 'bad', ms: undefined };
}
