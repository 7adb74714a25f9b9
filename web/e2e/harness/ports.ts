import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { once } from 'node:events';

/** A port of 127.0.0.1 that is free for TCP and for UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createServer().listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const address = tcp.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP socket without a port');
    const udp = createSocket('udp4');
    try {
      udp.bind(address.port, '127.0.0.1');
      await once(udp, 'listening');
      return address.port;
    } catch {
      // Taken for UDP: another one.
    } finally {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    }
  }
}
