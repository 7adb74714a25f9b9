import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A wire between browsers and the server for everything that is TCP: the pages and the WebSocket. It can be cut, while
 * media goes on, which takes UDP straight to the server.
 */
export class Wire {
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: 'whole' | 'silent' | 'cut' = 'whole';

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((near) => {
      this.#join(near);
    });
  }

  /** @param target is the server's port. */
  static async open(target: number): Promise<Wire> {
    const wire = new Wire(target);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the wire is closed');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Resets all connections and takes no new ones. */
  cut(): void {
    this.#state = 'cut';
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Loses every byte, as a network that is gone: nobody is told. */
  silence(): void {
    this.#state = 'silent';
  }

  /** New connections work again; those from before do not come back. */
  mend(): void {
    this.cut();
    this.#state = 'whole';
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    this.#add(near);
    if (this.#state === 'cut') {
      near.resetAndDestroy();
      return;
    }
    if (this.#state === 'silent') return;
    const far = connect(this.#target, '127.0.0.1');
    this.#add(far);
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (data) => {
        if (this.#state === 'whole') to.write(data);
      });
      from.on('close', () => {
        if (this.#state === 'whole') to.destroy();
      });
    };
    pass(near, far);
    pass(far, near);
  }

  #add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay();
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
