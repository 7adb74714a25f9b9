import { HirobaError } from './error.ts';

/** What media may go by: UDP, TCP where that is blocked, or the server's relay where only TLS gets through. */
export type Way = 'udp' | 'tcp' | 'relay';

/** What became of one way. `skipped` is one that the server does not offer to this client. */
export type WayResult =
  | { readonly kind: 'works'; readonly rttMs: number | undefined }
  | { readonly kind: 'blocked' }
  | { readonly kind: 'skipped' };

/** What `checkConnection` found. Without `webSocket` nobody can join, whatever the ways are. */
export interface ConnectionCheck {
  readonly webSocket: boolean;
  readonly ways: Readonly<Record<Way, WayResult>>;
}

export interface CheckOptions {
  /** The server, as in `new Room`; by default that of the page. */
  readonly url?: string;
  readonly signal?: AbortSignal;
}

/** How long one way may take. A network that answers at all does so sooner. */
const WAY_MS = 6000;
const RTT_TRIES = 10;
const RTT_PAUSE_MS = 100;

interface Answer {
  readonly sdp: string;
  readonly iceServers?: RTCIceServer[];
}

/**
 * Tries, before anybody joins, by which ways media could go to the server: a short connection each, of which nothing
 * stays. No room is entered and no device is asked for.
 *
 * @example
 * const { webSocket, ways } = await checkConnection();
 * if (webSocket && ways.udp.kind === 'works') console.log(`UDP, ${ways.udp.rttMs} ms`);
 */
export async function checkConnection(options: CheckOptions = {}): Promise<ConnectionCheck> {
  const base = new URL(options.url ?? '/', location.href);
  const signal = options.signal ?? new AbortController().signal;
  const webSocket = opens(base, signal);
  const udp = tryWay(base, 'udp', undefined, signal);
  const tcp = tryWay(base, 'tcp', undefined, signal);
  const first = await udp;
  const servers = first.servers ?? (await tcp).servers;
  const relay = servers === undefined ? undefined : tryWay(base, 'relay', servers, signal);
  const check: ConnectionCheck = {
    webSocket: await webSocket,
    ways: {
      udp: first.result,
      tcp: (await tcp).result,
      relay: relay === undefined ? { kind: 'skipped' } : (await relay).result,
    },
  };
  if (signal.aborted) throw new HirobaError('aborted', 'The connection test was stopped.');
  return check;
}

/** Whether a WebSocket opens. */
function opens(base: URL, signal: AbortSignal): Promise<boolean> {
  const url = new URL('ws', base);
  url.protocol = base.protocol === 'http:' || base.protocol === 'ws:' ? 'ws:' : 'wss:';
  const ws = new WebSocket(url);
  return new Promise((resolve) => {
    const end = (isOpen: boolean): void => {
      clearTimeout(timer);
      // Browsers complain about one that is closed before it is open.
      if (ws.readyState === WebSocket.CONNECTING) {
        ws.onopen = () => {
          ws.close();
        };
      } else {
        ws.close();
      }
      resolve(isOpen);
    };
    const timer = setTimeout(end, WAY_MS, false);
    signal.addEventListener('abort', () => {
      end(false);
    });
    ws.onopen = () => {
      end(true);
    };
    ws.onerror = () => {
      end(false);
    };
  });
}

/** One connection that may go one way only, and the relays that the server named meanwhile. */
async function tryWay(
  base: URL,
  way: Way,
  servers: RTCIceServer[] | undefined,
  signal: AbortSignal,
): Promise<{ readonly result: WayResult; readonly servers: RTCIceServer[] | undefined }> {
  const pc = new RTCPeerConnection(
    way === 'relay' ? { iceServers: servers ?? [], iceTransportPolicy: 'relay' } : undefined,
  );
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(WAY_MS)]);
  let answer: Answer | undefined;
  try {
    pc.createDataChannel('check');
    await pc.setLocalDescription();
    answer = await ask(base, pc.localDescription?.sdp ?? '', deadline);
    const sdp = way === 'relay' ? answer.sdp : keepOnly(answer.sdp, way);
    if (way !== 'relay' && !/^a=candidate:/mu.test(sdp)) {
      return { result: { kind: 'skipped' }, servers: answer.iceServers };
    }
    await pc.setRemoteDescription({ type: 'answer', sdp });
    await connected(pc, deadline);
    return { result: { kind: 'works', rttMs: await roundTrip(pc, deadline) }, servers: answer.iceServers };
  } catch {
    return { result: { kind: 'blocked' }, servers: answer?.iceServers };
  } finally {
    pc.close();
  }
}

async function ask(base: URL, sdp: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(new URL('check', base), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ sdp }),
    signal,
  });
  const answer: unknown = response.ok ? await response.json() : undefined;
  if (typeof answer !== 'object' || answer === null || !('sdp' in answer) || typeof answer.sdp !== 'string') {
    throw new HirobaError('network', `The server does not answer connection tests (status ${response.status}).`);
  }
  return answer as Answer;
}

/** Leaves in an answer only the candidates of one transport. */
export function keepOnly(sdp: string, way: 'udp' | 'tcp'): string {
  return sdp
    .split(/(?<=\n)/u)
    .filter((line) => !line.startsWith('a=candidate:') || line.split(' ')[2]?.toLowerCase() === way)
    .join('');
}

function connected(pc: RTCPeerConnection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (pc.connectionState === 'connected') resolve();
      if (pc.connectionState === 'failed' || signal.aborted)
        reject(new HirobaError('timeout', 'Not connected in time.'));
    };
    pc.addEventListener('connectionstatechange', look);
    signal.addEventListener('abort', look);
    look();
  });
}

/** How long ICE's own checks take there and back; `undefined` where the browser does not say. */
async function roundTrip(pc: RTCPeerConnection, signal: AbortSignal): Promise<number | undefined> {
  for (let i = 0; i < RTT_TRIES && !signal.aborted; i++) {
    const stats: Iterable<RTCStats> = (await pc.getStats()).values();
    for (const entry of stats) {
      const { state, currentRoundTripTime: rtt } = entry as RTCIceCandidatePairStats;
      if (entry.type === 'candidate-pair' && state === 'succeeded' && rtt !== undefined) return Math.round(rtt * 1000);
    }
    await new Promise((resolve) => setTimeout(resolve, RTT_PAUSE_MS));
  }
  return undefined;
}
