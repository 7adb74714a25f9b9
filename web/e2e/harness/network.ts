import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium, hiroba, outFolder } from './paths.ts';
import { pause, until } from './wait.ts';

/** The server's address is of a documentation network: Chromium takes no private ones for TCP on port 443. */
const ADDRESS = '203.0.113.2';

/** How long a device is without a network between two. */
const GAP_MS = 1000;

/** What a router lets through, as rules of nft. Interface `n1` leads to the server. */
export const rules = {
  /** As at home: UDP goes out, and answers come back. */
  home: 'table ip nat { chain post { type nat hook postrouting priority 100; oifname "n1" masquerade; }\n}\n',
  /** Another port for each server. */
  symmetric:
    'table ip nat { chain post { type nat hook postrouting priority 100; oifname "n1" masquerade fully-random; }\n}\n',
  /** One datagram of twenty is lost, both ways. */
  lossy:
    'table inet l { chain fw { type filter hook forward priority 10; meta l4proto udp numgen random mod 100 < 5 drop; }\n}\n',
  noUdp: 'table inet f { chain fw { type filter hook forward priority 0; meta l4proto udp drop; }\n}\n',
  /** Nothing goes out but connections to port 443 whose first byte is that of TLS. */
  onlyTls:
    'table inet f { chain fw { type filter hook forward priority 0; iifname "n1" accept; meta l4proto != tcp drop; ' +
    'tcp dport != 443 drop; ct mark 1 accept; @ih,0,8 0x16 ct mark set 1 accept; @ih,0,8 >= 0 reject with tcp reset; }\n}\n',
};

/** Whether namespaces with routers between them can be made here; otherwise why not. */
export function lacksNetworks(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces can be made by root only';
  for (const [tool, flag] of [
    ['ip', '-V'],
    ['nft', '--version'],
    ['openssl', 'version'],
  ] as const) {
    if (spawnSync(tool, [flag], { stdio: 'ignore' }).status !== 0) return `${tool} is not installed`;
  }
  const name = `e2e${process.pid}try`;
  if (spawnSync('ip', ['netns', 'add', name], { stdio: 'ignore' }).status !== 0) {
    return 'network namespaces cannot be made here';
  }
  spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  return undefined;
}

/** How a device gets to another address. */
export type Move = 'address' | 'interface' | 'half' | 'gap';

/** A client and a server in network namespaces, with a router between them: `c0 - n0 n1 - s0`. */
export class Network {
  readonly url = `https://${ADDRESS}`;
  readonly #name = `e2e${process.pid}`;
  readonly #folder = outFolder('network');
  #server: ChildProcess | undefined;
  /** Where the client is: on its interface `c0`, `c1`, ..., and under which number. */
  #at = { wire: 0, host: 2 };

  /** Makes the namespaces and starts the server, with TLS on port 443. */
  static async open(...flags: readonly string[]): Promise<Network> {
    const network = new Network();
    network.#shell(`
      ip netns add @cli; ip netns add @nat; ip netns add @srv
      for n in @cli @nat @srv; do
        ip netns exec $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
        ip -n $n link set lo up
      done
      ip link add c0 netns @cli type veth peer name n0 netns @nat
      ip link add s0 netns @srv type veth peer name n1 netns @nat
      ip -n @cli addr add 192.168.77.2/24 dev c0; ip -n @cli link set c0 up
      ip -n @nat addr add 192.168.77.1/24 dev n0; ip -n @nat link set n0 up
      ip -n @nat addr add 203.0.113.1/24 dev n1; ip -n @nat link set n1 up
      ip -n @srv addr add ${ADDRESS}/24 dev s0; ip -n @srv link set s0 up
      ip -n @cli route add default via 192.168.77.1; ip -n @srv route add default via 203.0.113.1
      ip netns exec @nat sysctl -qw net.ipv4.ip_forward=1
      cd ${network.#folder}
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 \\
        -subj /CN=test -addext subjectAltName=IP:${ADDRESS} 2>/dev/null`);
    network.route(rules.home);
    await network.#serve(flags);
    return network;
  }

  /** Sets what the router does from now on, to running connections too. */
  route(...text: readonly string[]): void {
    const file = path.join(this.#folder, 'rules');
    writeFileSync(file, ['flush ruleset\n', ...text].join(''));
    this.#shell(`ip netns exec @nat nft -f ${file}`);
  }

  /**
   * Takes the client's address away and gives it another one: on the same interface (`address`); on another one, as from
   * Wi-Fi to mobile data, which is there before the first goes (`interface`); the same, but packets from the old address
   * still go out, and only answers do not come back (`half`); or a second after the first went (`gap`).
   */
  async move(how: Move): Promise<void> {
    const from = this.#at;
    const to = { wire: how === 'address' ? from.wire : from.wire + 1, host: from.host + 1 };
    const net = 77 + to.wire;
    const [client, router] = [`c${to.wire}`, to.wire === 0 ? 'n0' : `m${to.wire}`];
    const leave = `ip -n @cli addr flush dev c${from.wire}`;
    const arrive = `ip -n @cli addr add 192.168.${net}.${to.host}/24 dev ${client}`;
    const route = `ip -n @cli route replace default via 192.168.${net}.1`;
    this.#at = to;
    if (how === 'address') {
      this.#shell(`${leave}; ${arrive}; ${route}`);
      return;
    }
    const plug = `
      ip link add ${client} netns @cli type veth peer name ${router} netns @nat
      ip -n @nat addr add 192.168.${net}.1/24 dev ${router}; ip -n @nat link set ${router} up
      ip -n @cli link set ${client} up`;
    if (how === 'gap') {
      this.#shell(`ip -n @cli link set c${from.wire} down; ${leave}; ${plug}`);
      await pause(GAP_MS);
      this.#shell(`${arrive}; ${route}`);
    } else {
      const gone = `ip -n @cli link set c${from.wire} down`;
      this.#shell(`${plug}; ${arrive}; ${route}; ${gone}; ${how === 'half' ? '' : leave}`);
    }
  }

  /** A program that is Chromium behind the router, or beside the server. */
  chromium(where: 'client' | 'server'): string {
    const space = this.#name + (where === 'client' ? 'cli' : 'srv');
    const file = path.join(this.#folder, `chromium-${where}`);
    writeFileSync(file, `#!/bin/sh\nexec nsenter --net=/run/netns/${space} ${chromium} "$@"\n`, { mode: 0o755 });
    return file;
  }

  /** How many participants are reached by UDP, by TCP, and by TURN. */
  transports(): Readonly<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const [, name = '', count] of this.#ask('/metrics').matchAll(
      /^hiroba_peers_by_transport\{transport="(\w+)"\} (\d+)$/gmu,
    )) {
      if (Number(count) > 0) found[name] = Number(count);
    }
    return found;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server?.exitCode === null) {
      const exit = once(server, 'exit');
      server.kill('SIGTERM');
      await exit;
    }
    for (const space of ['cli', 'nat', 'srv']) {
      spawnSync('ip', ['netns', 'del', this.#name + space], { stdio: 'ignore' });
    }
  }

  async #serve(flags: readonly string[]): Promise<void> {
    const log = openSync(path.join(outFolder('logs'), 'network.log'), 'w');
    const args = ['serve', '--listen=:443', '--admin-listen=127.0.0.1:8081', '--log-level=debug'];
    const tls = ['--tls=files', `--tls-cert=${this.#folder}/cert.pem`, `--tls-key=${this.#folder}/key.pem`];
    this.#server = spawn('ip', ['netns', 'exec', `${this.#name}srv`, hiroba, ...args, ...tls, ...flags], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await until('the server to be ready', () => Promise.resolve(this.#ask('/readyz') !== ''));
  }

  /** Asks the server's admin listener, from inside of its namespace. */
  #ask(where: string): string {
    const code = 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t), () => {})';
    const args = ['netns', 'exec', `${this.#name}srv`, process.execPath, '-e', code, `http://127.0.0.1:8081${where}`];
    return spawnSync('ip', args, { encoding: 'utf8' }).stdout;
  }

  /** Runs lines of a shell; @ stands for the prefix of the namespaces. */
  #shell(script: string): void {
    const { status, stderr } = spawnSync('sh', ['-ec', script.replaceAll('@', this.#name)], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`network: ${stderr}`);
  }
}
