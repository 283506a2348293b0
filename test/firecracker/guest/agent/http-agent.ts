/** A small HTTP agent, as somebody may have in a guest: health, configuration, and letting go of a NIC. */
import type { AgentHost } from './agent.js';
import type { Client } from './agent.js';

interface HttpHost extends Pick<AgentHost, 'running'> {
  /** Runs a command in the guest; gives what it says. */
  run(command: readonly [string, ...string[]], input: string): Promise<string>;
  /** What every request must bear; undefined where none must. */
  readonly token: string | undefined;
}

interface Config {
  readonly vm_id: string;
  readonly hostname: string;
  readonly machine_id: string;
  readonly parts: readonly string[];
  readonly interfaces: readonly {
    mac: string;
    addresses: readonly string[];
    gateway: string | null;
    mtu: number;
  }[];
  readonly entropy?: string;
}

/** Says the interface's name for each line `MAC MTU GATEWAY ADDRESS…`. */
const setUp = `
echo 1 > /sys/bus/pci/rescan
while read -r MAC MTU GATEWAY ADDRESSES; do
  N=
  until for D in /sys/class/net/*; do [ "$(cat "$D/address")" = "$MAC" ] && N=\${D##*/} && break; done; [ -n "$N" ]; do sleep 0.01; done
  ip link set "$N" mtu "$MTU" up
  for A in $ADDRESSES; do ip addr replace "$A" dev "$N"; done
  [ "$GATEWAY" = - ] || ip route replace default via "$GATEWAY"
  echo "$MAC $N"
done`;

export class HttpAgent {
  constructor(private readonly host: HttpHost) {}

  /** Serves a client; the returned function takes what it sends. */
  serve(client: Client): (bytes: Buffer) => void {
    let text = '';
    let tail = Promise.resolve();
    return (bytes) => {
      text += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = text.slice(0, end);
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      const body = Buffer.from(text.slice(end + 4, end + 4 + length), 'latin1').toString('utf8');
      text = text.slice(end + 4 + length);
      tail = tail
        .then(() => this.host.running())
        .then(() => this.answer(head, body))
        .then(([status, value]) => {
          const said = JSON.stringify(value);
          client.write(
            Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(said)}\r\n\r\n${said}`),
          );
        });
    };
  }

  private async answer(head: string, body: string): Promise<[string, unknown]> {
    const { token } = this.host;
    if (token !== undefined && !head.includes(`\r\nAuthorization: Bearer ${token}`)) {
      return ['401 Unauthorized', { error: 'a token is needed' }];
    }
    switch (head.slice(0, head.indexOf(' HTTP/'))) {
      case 'GET /health':
        return ['200 OK', { version: 'http-1.0' }];
      case 'PUT /config':
        return ['200 OK', await this.configure(JSON.parse(body) as Config)];
      default:
        return ['404 Not Found', { error: 'no such thing' }];
    }
  }

  private async configure(config: Config): Promise<unknown> {
    const { parts, hostname, machine_id: id } = config;
    const lines = config.interfaces.map(
      ({ mac, mtu, gateway, addresses }) => `${mac} ${mtu} ${gateway ?? '-'} ${addresses.join(' ')}\n`,
    );
    const said = parts.includes('network')
      ? await this.host.run(['/bin/sh', '-c', setUp], lines.join(''))
      : '';
    const commands = [
      ...(parts.includes('hostname') ? [`echo '${hostname}' > /proc/sys/kernel/hostname`] : []),
      ...(parts.includes('machine-id') ? [`echo '${id}' > /etc/machine-id`] : []),
    ];
    await this.host.run(['/bin/sh', '-c', commands.join('\n')], '');
    const now = await this.host.run(['/bin/sh', '-c', 'cat /proc/sys/kernel/hostname /etc/machine-id'], '');
    const [name = null, machine = null] = now.trim().split('\n');
    return {
      // It has the entropy and gives it to nobody: nothing here may be taken for done.
      parts: { network: { is: 'done' }, hostname: { is: 'done' } },
      interfaces: Object.fromEntries(
        [...said.matchAll(/^(\S+) (\S+)$/gm)].map(([, mac = '', nic = '']) => [mac, nic]),
      ),
      ...{ hostname: name, machine_id: machine },
    };
  }
}
