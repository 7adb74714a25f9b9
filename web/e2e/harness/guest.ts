import { build, type Rolldown } from 'vite';
import { fileURLToPath } from 'node:url';
import { type Bench, installBench, type Picture } from './bench.ts';
import { until } from './wait.ts';

/** A page of any browser. */
interface AnyPage {
  goto(url: string): Promise<unknown>;
  evaluate<T>(code: string): Promise<T>;
}

/** The SDK as one script. */
let sdk: Promise<string> | undefined;

async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['@hiroba/source'] },
    build: {
      write: false,
      minify: false,
      lib: {
        entry: fileURLToPath(new URL('../../sdk/src/index.ts', import.meta.url)),
        name: 'sdk',
        formats: ['iife'],
      },
    },
  });
  const [result] = [built].flat() as Rolldown.RolldownOutput[];
  if (result === undefined) throw new Error('the SDK has no script');
  const [chunk] = result.output;
  return `${chunk.code}; window.sdk = sdk;`;
}

/** One who is in a room with nothing but the SDK, in a page of whatever browser: see Bench. */
export class Guest {
  readonly name: string;
  readonly #page: AnyPage;

  private constructor(name: string, page: AnyPage) {
    this.name = name;
    this.#page = page;
  }

  /** @param url is the server's. */
  static async open(name: string, page: AnyPage, url: string): Promise<Guest> {
    await page.goto(`${url}/nothing.txt`); // a page of that origin which does nothing
    await page.evaluate(`${await (sdk ??= bundle())}; (${installBench.toString()})(); 0`);
    return new Guest(name, page);
  }

  /** Calls a function of the bench in the page. */
  call<K extends keyof Bench>(name: K, ...args: Parameters<Bench[K]>): Promise<Awaited<ReturnType<Bench[K]>>> {
    return this.#page.evaluate(`window.bench[${JSON.stringify(name)}](...${JSON.stringify(args)})`);
  }

  /** What is received of somebody. */
  async picture(name: string): Promise<Picture | undefined> {
    return (await this.call('received')).find((picture) => picture.name === name);
  }

  /** Waits until somebody's picture fits a tile of this height; see Bench. */
  async seesHeight(name: string, height: number, withinMs = 30_000): Promise<void> {
    await until(
      `${this.name} to see ${name} about ${height} pixels high`,
      async () => {
        const seen = (await this.picture(name))?.height ?? 0;
        return seen > height * 0.6 && seen < height * 1.5;
      },
      { withinMs },
      () => this.call('received'),
    );
  }

  /** Bytes of pictures sent so far. */
  async picturesSent(): Promise<number> {
    return (await this.call('sent')).reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  }
}
