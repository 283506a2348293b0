import t from 'tap';
import { PortForward } from '../../../daemon/api/shapes/port.js';
import { listenerOn, readListeners } from '../../../plugins/network/host/listeners.js';
import { Ports } from '../../../plugins/network/ports.js';
import { PortsStep } from '../../../plugins/network/steps.js';
import { vm } from './fixture.js';

const nic = (n: number) => ({ vm: vm(n), nic: 'eth0' });
const tcp = (host: number, address?: string) =>
  PortForward.parse({ host, guest: 80, ...(address !== undefined && { address }) });
const stepOf = (n: number, ports: readonly PortForward[]) =>
  PortsStep.parse({ kind: 'ports', ...nic(n), to: '10.0.0.5', ports });

/** What a call throws. */
function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return null;
}

t.test('a port is one NIC’s, all addresses standing for each', (t) => {
  const ports = new Ports();
  ports.grant(nic(1), [tcp(80), tcp(443, '192.0.2.1')]);
  const refused = (n: number, ...wanted: PortForward[]) => {
    t.match(
      thrown(() => ports.grant(nic(n), wanted)),
      { reason: 'port-taken', detail: { by: `${vm(1)}/eth0` } },
    );
  };
  refused(2, tcp(80));
  refused(2, tcp(80, '192.0.2.1'));
  refused(2, tcp(443));
  refused(2, tcp(8080), tcp(443, '192.0.2.1'));
  ports.grant(nic(2), [
    tcp(8080),
    tcp(443, '192.0.2.2'),
    PortForward.parse({ host: 80, guest: 1, protocol: 'udp' }),
  ]);
  t.end();
});

t.test('what was granted is given back, but not what a step has taken', (t) => {
  const ports = new Ports();
  const wanted = [tcp(80), tcp(443, '192.0.2.1')];
  ports.grant(nic(1), wanted);
  ports.release(nic(1), wanted);
  ports.grant(nic(2), wanted);
  ports.take(stepOf(2, wanted));
  ports.release(nic(2), wanted);
  t.match(
    thrown(() => ports.grant(nic(1), [tcp(80)])),
    { reason: 'port-taken' },
  );
  ports.drop(stepOf(1, wanted));
  t.match(
    thrown(() => ports.grant(nic(1), [tcp(80)])),
    { reason: 'port-taken' },
    'another’s undo frees nothing',
  );
  ports.drop(stepOf(2, wanted));
  ports.drop(stepOf(2, wanted));
  ports.grant(nic(1), wanted);
  t.end();
});

t.test('records that contradict each other: the first one holds', (t) => {
  const ports = new Ports();
  ports.take(stepOf(1, [tcp(80)]));
  ports.take(stepOf(1, [tcp(80)]));
  t.match(
    thrown(() => ports.take(stepOf(2, [tcp(81), tcp(80)]))),
    { reason: 'port-taken' },
  );
  ports.grant(nic(3), [tcp(81)]);
  t.end();
});

t.test('a program of the host’s keeps what comes to it', (t) => {
  const line = (local: string, state: string) =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000`;
  const listeners = [
    ...readListeners(
      'tcp',
      ['  sl  local_address …', line('00000000:1F90', '0A'), line('0100007F:1F91', '0A')].join('\n'),
    ),
    ...readListeners('tcp', [line('010200C0:1F92', '0A'), line('00000000:1F93', '01')].join('\n')),
    ...readListeners('tcp', line(`${'0'.repeat(32)}:1F94`, '0A')),
    ...readListeners('udp', line('00000000:1F95', '07')),
  ];
  t.match(listenerOn(tcp(8080), listeners), { address: null });
  t.match(listenerOn(tcp(8080, '192.0.2.1'), listeners), { address: null });
  t.equal(listenerOn(tcp(8081), listeners), undefined, 'on loopback it loses nothing');
  t.match(listenerOn(tcp(8082), listeners), { address: '192.0.2.1' });
  t.equal(listenerOn(tcp(8082, '192.0.2.9'), listeners), undefined);
  t.equal(listenerOn(tcp(8083), listeners), undefined, 'a connection is no listener');
  t.match(listenerOn(tcp(8084), listeners), { address: null }, 'IPv6 sockets take IPv4 too');
  t.equal(listenerOn(tcp(8085), listeners), undefined, 'UDP is not TCP');
  t.end();
});
