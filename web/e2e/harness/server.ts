import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { hiroba, outFolder } from './paths.ts';
import { freePort } from './ports.ts';
import { until } from './wait.ts';

/** How long a stop may take. */
const STOP_MS = 8000;

/** One server on ports of its own. */
export class Server {
  readonly port: number;
  readonly #adminPort: number;
  readonly #flags: readonly string[];
  readonly #log: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, adminPort: number, log: string, flags: readonly string[]) {
    this.port = port;
    this.#adminPort = adminPort;
    this.#flags = flags;
    this.#log = log;
  }

  /** @param name is that of its log file. */
  static async start(name: string, ...flags: readonly string[]): Promise<Server> {
    const log = path.join(outFolder('logs'), `${name}.log`);
    closeSync(openSync(log, 'w'));
    const server = new Server(await freePort(), await freePort(), log, flags);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The same by TLS, for a server that was started with `--tls`. */
  get secureUrl(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Starts it, again after a stop, on the same ports. Resolves when it takes participants. */
  async start(): Promise<void> {
    const log = openSync(this.#log, 'a');
    const listen = ['--listen', `127.0.0.1:${this.port}`, '--admin-listen', `127.0.0.1:${this.#adminPort}`];
    const child = spawn(hiroba, ['serve', ...listen, '--log-level', 'debug', ...this.#flags], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#process = child;
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    child.once('exit', () => process.off('exit', killAtExit));
    await until('the server to be ready', async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}; see ${this.#log}`);
      try {
        return (await fetch(`http://127.0.0.1:${this.#adminPort}/readyz`)).ok;
      } catch {
        return false;
      }
    });
  }

  /** Ends it without any chance to say goodbye. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode === null) {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
  }

  /** Ends it, within a time, as an operator does, and fails if it did not end well or has complained. */
  async stop(withinMs = STOP_MS): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
    const [code] = (await exit) as [number | null];
    clearTimeout(timer);
    if (code !== 0) throw new Error(`the server ended with code ${code} on SIGTERM; see ${this.#log}`);
    const complaints = readFileSync(this.#log, 'utf8')
      .split('\n')
      .filter((line) => /level=ERROR|^panic|DATA RACE|runtime error/u.test(line));
    if (complaints.length > 0) throw new Error(`the server complained: ${complaints.slice(0, 5).join('\n')}`);
  }

  /** The sum of a metric over all its labels, or those in which `label` occurs. */
  async metric(name: string, label = ''): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#adminPort}/metrics`)).text();
    return text
      .split('\n')
      .filter((line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
