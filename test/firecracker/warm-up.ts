/**
 * A VMM is compiled before it is started; this program's functions are compiled when they first run. Running those
 * of a restore once, on nothing, while nobody waits, keeps that out of the first load.
 */
import { encode, ok } from './api/response.js';
import { route } from './api/routes.js';
import { defaultMachine, noBootSource, showConfig } from './machine/config.js';
import { decodeState, encodeState, type MachineState } from './machine/state-file.js';
import type { Version } from './versions.js';

const nic = { iface_id: 'eth0', host_dev_name: 'tap0', guest_mac: '06:00:00:00:00:01' };

const requests = [
  {
    method: 'PUT',
    path: '/snapshot/load',
    body: {
      snapshot_path: 'state',
      mem_backend: { backend_type: 'File', backend_path: 'mem' },
      resume_vm: false,
      network_overrides: [],
      vsock_override: { uds_path: 'v' },
    },
  },
  { method: 'PUT', path: '/network-interfaces/eth0', body: nic },
  { method: 'PATCH', path: '/vm', body: { state: 'Resumed' } },
] as const;

const empty: MachineState = {
  machine: defaultMachine,
  bootSource: noBootSource,
  pci: true,
  unplugs: 0,
  drives: [],
  nics: [],
  vsock: null,
  entropy: null,
  balloon: null,
  engine: null,
};

/** Has no effect but on the time of what comes later. */
export function warmUp(version: Version): void {
  for (const { method, path, body } of requests) {
    try {
      route({ method, path, body: Buffer.from(JSON.stringify(body)) }, version);
    } catch {
      // An older version knows fewer fields.
    }
  }
  const shown = { balloon: null, drives: [], mmds: null, nics: [], vsock: null, entropy: null };
  encode(ok(showConfig({ ...shown, machine: defaultMachine, bootSource: noBootSource }, version)));
  decodeState(encodeState(empty, version), version);
}
