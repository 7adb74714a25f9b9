// Runs the browser tests: `npm run e2e`, with names of files or `-t "name of a test"` to run only some.
//
// As root on Linux everything runs in a network namespace of its own, which leads nowhere: no packet of a test can leave
// the machine, and no port is taken.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const env = {
  ...process.env,
  HIROBA: process.env.HIROBA ?? path.join(root, 'bin/hiroba'),
  HIROBA_E2E_OUT: process.env.HIROBA_E2E_OUT ?? path.join(here, 'out'),
  CHROMIUM: process.env.CHROMIUM || findChromium(),
};

if (!existsSync(env.HIROBA)) fail(`There is no server at ${env.HIROBA}. Build it with "make build".`);
if (!env.CHROMIUM || !existsSync(env.CHROMIUM)) {
  fail('There is no Chromium. Install it (Debian: sudo apt-get install chromium), or set CHROMIUM=/path/to/it.');
}

mkdirSync(env.HIROBA_E2E_OUT, { recursive: true });
// The participants that need no browser. They belong to the tests, so they are built here.
run(['go', 'build', '-o', path.join(env.HIROBA_E2E_OUT, 'peers'), './web/e2e/peers'], { cwd: root, env });

const require = createRequire(import.meta.url);
const vitest = path.join(path.dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
const tests = [
  process.execPath,
  vitest,
  'run',
  '--config',
  path.join(here, 'vitest.config.ts'),
  ...process.argv.slice(2),
];
run(hasNamespaces() ? [...inNamespace('exec "$@"'), ...tests] : tests, { cwd: here, env });

/** @param {string[]} command @param {import('node:child_process').SpawnSyncOptions} options */
function run([program = '', ...args], options) {
  const { status, error, signal } = spawnSync(program, args, { stdio: 'inherit', ...options });
  if (error) fail(`Could not run ${program}: ${error.message}`);
  if (status !== 0) process.exit(status ?? (signal ? 130 : 1));
}

/**
 * The command that runs a shell command in a namespace. A page that may use neither camera nor microphone has candidates
 * only where there is a default route, so there is one, through a wire that ends nowhere.
 *
 * @param {string} command
 */
function inNamespace(command) {
  const steps = [
    'ip link set lo up',
    'ip link add near type veth peer name far',
    'ip addr add 198.51.100.1/24 dev near',
    'ip link set near up',
    'ip link set far up',
    'ip route add default dev near',
    command,
  ];
  return ['unshare', '--net', 'sh', '-c', steps.join(' && '), 'sh'];
}

function hasNamespaces() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const [program = '', ...args] = inNamespace('true');
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

function findChromium() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find((file) => existsSync(file));
}

/** @param {string} words */
function fail(words) {
  console.error(words);
  process.exit(1);
}
