import { z } from 'zod';
import { AbsolutePath, NetworkName, SnapshotRef } from '../api/shapes/ids.js';
import { VmLimits } from '../api/shapes/limits.js';
import { PartSwitches, UpdatePart } from '../api/shapes/update.js';

/** What guests are told, and what of it must have been done. */
export const GuestRules = z.strictObject({
  /** Parts of an update that are switched on or off for all clones; calls may say otherwise. */
  parts: PartSwitches.default({}),
  /** Parts without which a clone is not ready, as far as they are switched on. */
  needs: z.array(UpdatePart).default(['network', 'hostname', 'machine-id', 'randomness']),
});
export type GuestRules = z.output<typeof GuestRules>;

/** The configuration file, `/etc/thaw/config.json` by default. Strict: a misspelt key is refused with its name. */
export const Config = z.strictObject({
  /** VMs, their sockets and records; on a tmpfs, because a host crash ends all VMs anyway. */
  runDir: AbsolutePath.default('/run/thawd'),
  /** Snapshots and disks; best on a file system with reflinks (xfs, btrfs). */
  storeDir: AbsolutePath.default('/var/lib/thaw'),
  socket: z
    .strictObject({
      /** Default: `thawd.sock` in the run directory. */
      path: AbsolutePath.optional(),
      /** Members may read. */
      group: z.string().default('thaw'),
      /** User ids that may also change. */
      users: z.array(z.int().min(0)).default([]),
      /** Seconds without a client after which the daemon ends; 0 for never. Only where systemd listens on. */
      idleExitSeconds: z.int().min(0).max(86400).default(0),
    })
    .prefault({}),
  /** Where Prometheus may ask; nowhere unless one is given, or systemd hands over a socket named `metrics`. */
  metrics: z
    .strictObject({
      /** A Unix socket, whose access is that of `socket`. */
      socket: AbsolutePath.optional(),
      /** A port of 127.0.0.1, open to every user of this host. */
      port: z.int().min(1).max(65535).optional(),
    })
    .refine(
      ({ socket, port }) => socket === undefined || port === undefined,
      'give a socket or a port, not both',
    )
    .prefault({}),
  firecracker: z
    .strictObject({
      binary: AbsolutePath.default('/usr/bin/firecracker'),
      /** Further arguments, e.g. `["--level", "Warning"]`. */
      args: z.array(z.string()).default([]),
    })
    .prefault({}),
  /** Folders beneath which callers who are not root may name files. */
  roots: z.array(AbsolutePath).default([]),
  slots: z
    .strictObject({
      /** VMMs with tap, lease and rules made ready before anybody asks; 0 makes each when it is asked for. */
      size: z.int().min(0).max(256).default(1),
      /** Default: `default`; with a snapshot, where its NICs were. */
      network: NetworkName.optional(),
      /** By which their clones will get their network. */
      strategy: z.enum(['hot-attach', 'override', 'netns']).default('hot-attach'),
      /** Name or id of the snapshot whose clones they are for; all those without a NIC where it is left out. */
      snapshot: SnapshotRef.optional(),
    })
    .refine(
      ({ strategy, snapshot }) => (strategy === 'hot-attach') === (snapshot === undefined),
      'override and netns need a snapshot; slots for hot-attach serve every one',
    )
    .prefault({}),
  limits: z
    .strictObject({
      /** Restores and boots under way at once; more wait for their turn. */
      parallel: z.int().min(1).max(1024).default(32),
      /** VMs there may be, those being made included; no limit where left out. */
      vms: z.int().min(1).max(1_000_000).optional(),
      /** Sum of their guests' memory; no limit where left out. */
      memoryMib: z.int().min(1).optional(),
      /** Requests of one connection being answered at once. */
      inFlight: z.int().min(1).max(65536).default(256),
      /** Bytes of one line of the socket. */
      lineBytes: z.int().min(1024).max(67108864).default(1048576),
    })
    .prefault({}),
  cgroups: z
    .strictObject({
      /** Folder of a cgroup v2 hierarchy in which each VMM with limits gets one of its own; made where missing. */
      parent: AbsolutePath.default('/sys/fs/cgroup/thaw'),
      /** For VMs that are asked for without. */
      limits: VmLimits.default({}),
    })
    .prefault({}),
  /** Of the strategy netns; checked by the network plugin. */
  netns: z.unknown().optional(),
  /** Networks that CNI plugins make; checked by the network plugin. */
  cni: z.unknown().optional(),
  guest: GuestRules.prefault({}),
  health: z
    .strictObject({
      /** Seconds between two looks at every VM's process and API; 0 for none, and then agents are not asked either. */
      intervalSeconds: z.int().min(0).max(86400).default(10),
      /** Seconds between two questions to the same agent; 0 to ask none. */
      agentIntervalSeconds: z.int().min(0).max(86400).default(30),
    })
    .prefault({}),
  reconcile: z
    .strictObject({
      /** Seconds between two comparisons of what is recorded with what is there; 0 for only at start and on request. */
      intervalSeconds: z.int().min(0).max(86400).default(60),
    })
    .prefault({}),
  /** By name; checked by the network plugin. Without any there is one named `default`. */
  networks: z.record(z.string(), z.unknown()).optional(),
  plugins: z
    .strictObject({
      /** Files of further plugins: absolute, owned by root. */
      paths: z.array(AbsolutePath).default([]),
      /** Settings by plugin name, checked by the plugin itself. */
      settings: z.record(z.string(), z.unknown()).default({}),
    })
    .prefault({}),
  vmmLog: z
    .strictObject({
      /** Of what a VMM and its guest's console have said, and as much again that is older (`vmm.log`, `vmm.log.1`). */
      bytes: z.int().min(4096).max(1_073_741_824).default(1_048_576),
    })
    .prefault({}),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info') })
    .prefault({}),
});
export type Config = z.output<typeof Config>;
