// Somebody beyond the host, and programs that run in other people's networks.
import type { Host } from '../support/host.js';
import { inGuest, type VmView } from './network.js';

/** The host's address towards the outside, and the outside's own. */
export const hostOutside = { four: '192.0.2.1', six: '2001:db8::1' };
export const outside = { four: '192.0.2.2', six: '2001:db8::2' };

/** A network namespace beyond the host, with a cable to it and no idea of what is behind. */
export class Outside {
  private constructor(
    readonly host: Host,
    readonly pid: string,
  ) {}

  static async open(host: Host): Promise<Outside> {
    const script = `
      unshare --net sleep 600 >/dev/null 2>&1 & pid=$!
      until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
      ip link add out0 type veth peer name in0 netns $pid
      ip addr add ${hostOutside.four}/24 dev out0
      ip -6 addr add ${hostOutside.six}/64 dev out0 nodad
      ip link set out0 up
      nsenter --target $pid --net sh -c '
        ip link set lo up
        ip addr add ${outside.four}/24 dev in0
        ip -6 addr add ${outside.six}/64 dev in0 nodad
        ip link set in0 up'
      echo $pid`;
    return new Outside(host, (await host.exec('sh', '-ec', script)).trim());
  }

  /** Runs a program out there. */
  exec(...command: readonly string[]): Promise<string> {
    return this.host.exec('nsenter', '--target', this.pid, '--net', '--', ...command);
  }

  /** Ends it; the kernel takes the cable with it. */
  async close(): Promise<void> {
    await this.host.exec(
      'sh',
      '-c',
      `kill ${this.pid}; while ip link show out0; do sleep 0.01; done >/dev/null 2>&1`,
    );
  }
}

const server = `
const [port, words] = process.argv.slice(1);
require('net').createServer((one) => one.end(words + ' ' + one.remoteAddress)).listen(Number(port), '0.0.0.0');
const udp = require('dgram').createSocket('udp4');
udp.on('message', (_, from) => udp.send(words + ' ' + from.address, from.port, from.address)).bind(Number(port));
`;

const tcpClient = `
const [port, address] = process.argv.slice(1);
const one = require('net').connect({ port: Number(port), host: address });
one.setTimeout(1500, () => one.destroy(new Error('nobody answers')));
one.on('error', (error) => { console.log('error ' + error.message); process.exit(0); });
one.on('data', (text) => process.stdout.write(text));
`;

const udpClient = `
const [port, address] = process.argv.slice(1);
const one = require('dgram').createSocket('udp4');
one.on('message', (text) => { process.stdout.write(text); process.exit(0); });
one.send('hello', Number(port), address);
setTimeout(() => { console.log('error nobody answers'); process.exit(0); }, 1500);
`;

/** The command line that connects and prints what it is told: `<words> <who asked>`, or `error …`. */
export const asking = (port: number, address: string, protocol: 'tcp' | 'udp' = 'tcp'): string[] => [
  process.execPath,
  '-e',
  protocol === 'tcp' ? tcpClient : udpClient,
  String(port),
  address,
];

/** Starts a server that says `words` to whoever comes, by TCP and UDP; returns how to end it. */
export async function serve(
  host: Host,
  vm: VmView | null,
  { port, words }: { port: number; words: string },
): Promise<() => Promise<unknown>> {
  const quoted = `'${server.replaceAll("'", `'\\''`)}'`;
  const script = `'${process.execPath}' -e ${quoted} ${port} ${words} >/dev/null 2>&1 & pid=$!
    until grep -qi ":$(printf %04X ${port}) 00000000:0000 0A" /proc/net/tcp; do sleep 0.02; done; echo $pid`;
  const pid = (await (vm ? inGuest(host, vm, 'sh', '-c', script) : host.exec('sh', '-c', script))).trim();
  return () => host.exec('kill', pid);
}

/** How many frames our rules with this comment have dropped. */
export async function dropped(host: Host, comment: string): Promise<number> {
  const { nftables } = JSON.parse(await host.exec('nft', '-j', 'list', 'ruleset')) as {
    nftables: { rule?: { comment?: string; expr: { counter?: { packets: number } }[] } }[];
  };
  return nftables
    .filter(({ rule }) => rule?.comment === comment)
    .flatMap(({ rule }) => rule?.expr ?? [])
    .reduce((sum, expr) => sum + (expr.counter?.packets ?? 0), 0);
}
