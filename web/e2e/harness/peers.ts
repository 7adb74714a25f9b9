import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Rgb, toYCbCr } from './colour.ts';
import { peersProgram } from './paths.ts';

/** A participant without a browser. */
export interface PeerOptions {
  readonly server: string;
  readonly room: string;
  readonly name: string;
  /** Without one there is no camera. */
  readonly codec?: 'vp8' | 'vp9' | 'h264' | 'av1' | undefined;
  /** Of VP8; the other codecs have clips of one colour each. */
  readonly colour?: Rgb;
  /** The number of a tone from 0; without one there is no microphone. */
  readonly tone?: number;
}

interface Reply {
  readonly id: number;
  readonly error?: string;
}

/** Synthetic participants, in one process of the Go client; see peers/main.go. */
export class Peers {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #id = 0;

  constructor() {
    this.#process = spawn(peersProgram);
    this.#process.stderr.pipe(process.stderr);
    const killAtExit = (): void => void this.#process.kill('SIGKILL');
    process.once('exit', killAtExit);
    this.#process.once('exit', () => {
      process.off('exit', killAtExit);
      for (const id of this.#waiting.keys()) this.#replied({ id, error: 'the process has ended' });
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      this.#replied(JSON.parse(line) as Reply);
    });
  }

  /** Resolves when the peer sends. Its name is also what it is called here, so it must be unique among all rooms. */
  async join({ colour, ...options }: PeerOptions): Promise<void> {
    const { y, cb, cr } = toYCbCr(colour ?? [0, 0, 0]);
    await this.#ask({ do: 'join', peer: options.name, ...options, colour: [y, cb, cr] });
  }

  /** Leaves with a farewell. */
  async leave(name: string): Promise<void> {
    await this.#ask({ do: 'leave', peer: name });
  }

  async mute(name: string, source: 'camera' | 'microphone', muted: boolean): Promise<void> {
    await this.#ask({ do: 'mute', peer: name, source, muted });
  }

  /** Ends all. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await exit;
    clearTimeout(timer);
  }

  #ask(request: object): Promise<void> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error }) => {
        if (error === undefined) resolve();
        else reject(new Error(`peers: ${JSON.stringify(request)}: ${error}`));
      });
      this.#process.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  #replied(reply: Reply): void {
    this.#waiting.get(reply.id)?.(reply);
    this.#waiting.delete(reply.id);
  }
}
