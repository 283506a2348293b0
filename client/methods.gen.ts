// Made from the contract by `npm run generate`; a test fails where it is stale.
import type { Access } from '../daemon/api/define.js';
import type { MethodName } from '../daemon/api/index.js';
import type { Callable } from './types.js';

/** The version of the contract that this client was made from. */
export const contractVersion = '1.1';

/** What must be known of a method without loading its schemas. */
export interface MethodInfo {
  readonly access: Access;
  readonly progress: boolean;
}

/** By name. A newer daemon may have methods that are not here: those are called like any change. */
export const methodTable: Readonly<Record<string, MethodInfo>> = {
  'agent.check': { access: 'read', progress: false },
  'agent.ping': { access: 'read', progress: false },
  'agent.update': { access: 'change', progress: false },
  'agent.upgrade': { access: 'change', progress: false },
  'events.subscribe': { access: 'read', progress: false },
  'hook.invoke': { access: 'change', progress: true },
  'network.attach': { access: 'change', progress: false },
  'network.check': { access: 'read', progress: false },
  'network.detach': { access: 'change', progress: false },
  'network.gc': { access: 'change', progress: false },
  'network.list': { access: 'read', progress: false },
  'network.plan': { access: 'read', progress: false },
  'rpc.discover': { access: 'read', progress: false },
  'snapshot.create': { access: 'change', progress: true },
  'snapshot.delete': { access: 'change', progress: false },
  'snapshot.get': { access: 'read', progress: false },
  'snapshot.list': { access: 'read', progress: false },
  'snapshot.restore': { access: 'change', progress: true },
  'snapshot.verify': { access: 'read', progress: false },
  'system.doctor': { access: 'read', progress: false },
  'system.health': { access: 'read', progress: false },
  'system.info': { access: 'read', progress: false },
  'system.reconcile': { access: 'change', progress: false },
  'system.reload': { access: 'change', progress: false },
  'vm.adopt': { access: 'change', progress: false },
  'vm.boot': { access: 'change', progress: true },
  'vm.extend': { access: 'change', progress: false },
  'vm.get': { access: 'read', progress: false },
  'vm.list': { access: 'read', progress: false },
  'vm.pause': { access: 'change', progress: false },
  'vm.release': { access: 'change', progress: false },
  'vm.resume': { access: 'change', progress: false },
  'vm.stop': { access: 'change', progress: false },
  'vm.timeline': { access: 'read', progress: false },
} satisfies Record<MethodName, MethodInfo>;

/** `client.snapshot.restore(…)` for `snapshot.restore`. Events have an iterator in place of their method. */
export interface Grouped {
  readonly agent: {
    /**
     * Look what a running guest lacks of what thaw needs: agent, kernel, programs, files; with remedies. Changes nothing.
     * @throws ThawError: vm-unknown, vm-foreign
     */
    readonly check: Callable<'agent.check'>;
    /**
     * Ask the agent in the guest for a sign of life.
     * @throws ThawError: vm-unknown, agent-silent, no-agent
     */
    readonly ping: Callable<'agent.ping'>;
    /**
     * Tell the guest again who it is; idempotent, each part’s outcome is in the answer.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign, no-agent, agent-silent, agent-command-off, update-failed
     */
    readonly update: Callable<'agent.update'>;
    /**
     * Put a new agent, or another file, into the guest; a new agent must answer, or the old one comes back.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign, path-not-allowed, file-missing, no-agent, agent-silent, agent-lacks, agent-command-off, agent-refused, upgrade-failed
     */
    readonly upgrade: Callable<'agent.upgrade'>;
  };
  readonly hook: {
    /**
     * A container runtime says where a container is in its life: its clone is restored, checked or released.
     * @throws ThawError: annotation-invalid, container-gone, container-not-ready, container-not-yours, container-space-gone, container-without-clone, namespace-taken, takeover-refused, snapshot-unknown, snapshot-damaged, not-fit-for-strategy, incompatible, name-taken, drive-in-use, no-room, cgroups-unavailable, network-unknown, subnet-exhausted, tap-busy, tap-taken, mac-taken, nic-unknown, namespace-limit, translation-unsupported, cni-unavailable, cni-failed, no-pci, vmm-too-old, vmm-not-executable, vmm-died, vmm-out-of-memory, vmm-refused, agent-silent, agent-command-off, update-failed, tap-not-ready
     */
    readonly invoke: Callable<'hook.invoke'>;
  };
  readonly network: {
    /**
     * Give a running VM one more NIC; answers when the guest has confirmed it.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign, attach-in-namespace, no-pci, nic-after-unplug, network-unknown, subnet-exhausted, tap-busy, agent-silent, update-failed, vmm-refused, vmm-too-old
     */
    readonly attach: Callable<'network.attach'>;
    /**
     * Compare taps, leases and rules with what should be there; optionally ping the guests.
     * @throws ThawError: vm-unknown
     */
    readonly check: Callable<'network.check'>;
    /**
     * Take a NIC away. The VM can then never get another one: restore a fresh clone for that.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign, attachment-unknown, agent-silent, vmm-refused
     */
    readonly detach: Callable<'network.detach'>;
    /**
     * Remove links, rules and ports that carry thaw’s mark and belong to no VM; never anybody else’s.
     */
    readonly gc: Callable<'network.gc'>;
    /**
     * The networks of the configuration and how full they are.
     */
    readonly list: Callable<'network.list'>;
    /**
     * How clones of a snapshot would get their network: the same decision, with nothing made or reserved.
     * @throws ThawError: snapshot-unknown, not-fit-for-strategy, incompatible, network-unknown, tap-taken, nic-unknown, no-pci, vmm-too-old, vmm-not-executable
     */
    readonly plan: Callable<'network.plan'>;
  };
  readonly rpc: {
    /**
     * This contract as an OpenRPC document.
     */
    readonly discover: Callable<'rpc.discover'>;
  };
  readonly snapshot: {
    /**
     * Take a snapshot of a running VM, proven to be without a NIC; the VM runs on.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign, name-taken, nic-present, fitness-unknown, proof-failed, drive-not-portable, disk-full, vmm-refused, vmm-died
     */
    readonly create: Callable<'snapshot.create'>;
    /**
     * Delete a snapshot that no VM was restored from any more.
     * @throws ThawError: snapshot-unknown, snapshot-in-use
     */
    readonly delete: Callable<'snapshot.delete'>;
    /**
     * One snapshot.
     * @throws ThawError: snapshot-unknown
     */
    readonly get: Callable<'snapshot.get'>;
    /**
     * All snapshots of the store.
     */
    readonly list: Callable<'snapshot.list'>;
    /**
     * Restore any number of clones side by side; each succeeds or fails by itself.
     * @throws ThawError: snapshot-unknown, snapshot-damaged, not-fit-for-strategy, incompatible, name-taken, drive-in-use, no-room, cgroups-unavailable, network-unknown, subnet-exhausted, tap-busy, tap-taken, mac-taken, nic-unknown, namespace-limit, translation-unsupported, cni-unavailable, cni-failed, no-pci, vmm-too-old, vmm-not-executable, vmm-died, vmm-out-of-memory, vmm-refused, agent-silent, agent-command-off, update-failed
     */
    readonly restore: Callable<'snapshot.restore'>;
    /**
     * Read a snapshot’s files again and compare them with their recorded hashes.
     * @throws ThawError: snapshot-unknown, snapshot-damaged
     */
    readonly verify: Callable<'snapshot.verify'>;
  };
  readonly system: {
    /**
     * Check the host: Firecracker, KVM, tun, capabilities, file systems, bridge, nft; with remedies.
     */
    readonly doctor: Callable<'system.doctor'>;
    /**
     * Whether the daemon is well: cheap enough to ask many times a second.
     */
    readonly health: Callable<'system.health'>;
    /**
     * What this daemon is: its versions, its Firecracker, its directories, its plugins.
     */
    readonly info: Callable<'system.info'>;
    /**
     * Compare records with what is there, and mend what differs; VMs that are being worked on are left alone.
     */
    readonly reconcile: Callable<'system.reconcile'>;
    /**
     * Read the configuration again, as SIGHUP does. One that is wrong is refused, and the old one kept.
     * @throws ThawError: config-invalid, cgroups-unavailable
     */
    readonly reload: Callable<'system.reload'>;
  };
  readonly vm: {
    /**
     * Take a VM that somebody else started under management: NICs, snapshots, stop. Its process is not touched.
     * @throws ThawError: vm-unknown, vm-ours, vm-busy, not-adoptable, name-taken, drive-in-use, no-agent, agent-silent, vmm-silent
     */
    readonly adopt: Callable<'vm.adopt'>;
    /**
     * Boot a VM; without a NIC by default, so that its snapshots can be restored with hot-attach.
     * @throws ThawError: name-taken, drive-in-use, no-room, cgroups-unavailable, path-not-allowed, file-missing, vmm-not-executable, vmm-died, vmm-out-of-memory, vmm-refused, agent-silent, subnet-exhausted, network-unknown, tap-taken, snapshot-id-taken
     */
    readonly boot: Callable<'vm.boot'>;
    /**
     * Say anew how long a VM may live, from now on; null for as long as nobody stops it.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign
     */
    readonly extend: Callable<'vm.extend'>;
    /**
     * One VM.
     * @throws ThawError: vm-unknown
     */
    readonly get: Callable<'vm.get'>;
    /**
     * All VMs of the run directory, foreign ones too.
     */
    readonly list: Callable<'vm.list'>;
    /**
     * Pause the guest’s processors. Warns where this Firecracker then loses its agent.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign, vmm-refused, vmm-died
     */
    readonly pause: Callable<'vm.pause'>;
    /**
     * Give an adopted VM back, untouched: it runs on and is only shown.
     * @throws ThawError: vm-unknown, vm-foreign, vm-busy, not-adopted, holds-nics
     */
    readonly release: Callable<'vm.release'>;
    /**
     * Let a paused guest run again; answers with what its agent then says.
     * @throws ThawError: vm-unknown, vm-busy, vm-foreign, vmm-refused, vmm-died
     */
    readonly resume: Callable<'vm.resume'>;
    /**
     * End a VM and free all it held. Aborts what is under way and awaits its undo.
     * @throws ThawError: vm-unknown, vm-foreign
     */
    readonly stop: Callable<'vm.stop'>;
    /**
     * What was done to a VM and how long each step took; by VM, or by operation, failed ones included.
     * @throws ThawError: vm-unknown, operation-unknown
     */
    readonly timeline: Callable<'vm.timeline'>;
  };
}
