import { Gauge, type Registry } from 'prom-client';
import { contractVersion } from '../api/system.js';
import { VmWord } from '../api/shapes/vm.js';
import { version } from '../config/version.js';
import type { Present } from './present.js';

const mebibyte = 1 << 20;

/** Declares what is a state: read at each look, and nothing in between. */
export function declareGauges(registry: Registry, present: Present): void {
  const gauge = <L extends string>(
    name: string,
    about: { readonly help: string; readonly labels?: readonly L[] },
    read: (set: (value: number, labels?: Readonly<Record<L, string>>) => void) => void,
  ): void => {
    new Gauge({
      name,
      help: about.help,
      labelNames: about.labels ?? [],
      registers: [registry],
      collect() {
        // What is gone by now is not shown any more.
        this.reset();
        read((value, labels) => (labels ? this.set(labels, value) : this.set(value)));
      },
    });
  };

  gauge('thaw_build_info', { help: 'Always 1: what runs', labels: ['version', 'contract'] }, (set) =>
    set(1, { version, contract: contractVersion }),
  );
  gauge('thaw_vms', { help: 'VMs by the word of their state', labels: ['state'] }, (set) => {
    const words = present.vms();
    for (const state of VmWord.options) set(words.filter((word) => word === state).length, { state });
  });
  gauge('thaw_vms_limit', { help: 'VMs there may be; absent without a limit' }, (set) => {
    const { most } = present.room().vms;
    if (most !== null) set(most);
  });
  gauge('thaw_guest_memory_bytes', { help: 'Memory of all guests together' }, (set) =>
    set(present.room().memoryMib.used * mebibyte),
  );
  gauge('thaw_guest_memory_limit_bytes', { help: 'What it may come to; absent without a limit' }, (set) => {
    const { most } = present.room().memoryMib;
    if (most !== null) set(most * mebibyte);
  });
  gauge('thaw_slots_ready', { help: 'VMMs made ready before anybody asks' }, (set) =>
    set(present.slots().ready),
  );
  gauge('thaw_slots_size', { help: 'How many of them there are to be' }, (set) => set(present.slots().size));
  gauge('thaw_leases', { help: 'Addresses of a network in use', labels: ['network'] }, (set) => {
    for (const { name, leases } of present.networks()) set(leases, { network: name });
  });
  gauge('thaw_leases_capacity', { help: 'Addresses that a network has', labels: ['network'] }, (set) => {
    for (const { name, capacity } of present.networks()) set(capacity, { network: name });
  });
  gauge('thaw_snapshots', { help: 'Snapshots in the store' }, (set) => set(present.snapshots()));
  gauge('thaw_operations_running', { help: 'Operations under way', labels: ['method'] }, (set) => {
    const counts = new Map<string, number>();
    for (const method of present.operations()) counts.set(method, (counts.get(method) ?? 0) + 1);
    for (const [method, count] of counts) set(count, { method });
  });
  gauge('thaw_rpc_requests_in_flight', { help: 'Requests being answered' }, (set) =>
    set(present.rpc().inFlight),
  );
  gauge('thaw_rpc_connections', { help: 'Clients that are connected' }, (set) =>
    set(present.rpc().connections),
  );
}
