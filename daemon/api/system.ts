import { z } from 'zod';
import { defineMethod } from './define.js';
import * as host from './errors/host.js';

/** The version of this contract: the minor number grows with every addition, the major one with every break. */
export const contractVersion = '1.1';

export const info = defineMethod({
  name: 'system.info',
  summary: 'What this daemon is: its versions, its Firecracker, its directories, its plugins.',
  access: 'read',
  params: z.strictObject({}),
  result: z.object({
    version: z.string(),
    contract: z.string(),
    pid: z.int(),
    startedAt: z.number(),
    runDir: z.string(),
    storeDir: z.string(),
    firecracker: z.object({
      binary: z.string(),
      version: z.string().nullable(),
      problem: z.string().nullable(),
    }),
    networks: z.array(z.string()),
    plugins: z.array(z.object({ kind: z.string(), name: z.string() })),
    peer: z.object({ uid: z.int(), access: z.enum(['read', 'change']) }),
  }),
});

export const health = defineMethod({
  name: 'system.health',
  summary: 'Whether the daemon is well: cheap enough to ask many times a second.',
  access: 'read',
  params: z.strictObject({}),
  result: z.object({
    status: z.enum(['ok', 'degraded', 'stopping']),
    vms: z.int(),
    operations: z.int(),
    /** VMMs made ready before anybody asks. */
    slots: z.int(),
    /** How much of `limits.vms` and `limits.memoryMib` is used; `most` is null where there is no limit. */
    room: z.object({
      vms: z.object({ used: z.int(), most: z.int().nullable() }),
      memoryMib: z.object({ used: z.int(), most: z.int().nullable() }),
    }),
    residentBytes: z.int(),
    eventLoopLagMs: z.number(),
  }),
});

/** What one run of reconcile found and did. */
export const Reconciled = z.object({
  dryRun: z.boolean(),
  findings: z.array(
    z.object({
      /** Id of the VM; null for what belongs to none. */
      vm: z.string().nullable(),
      what: z.string(),
      problem: z.string(),
      /** What mends it; null where it takes a person. */
      repair: z.enum(['remove', 'undo', 'rewrite', 'sweep', 'mend']).nullable(),
      remedy: z.string(),
      outcome: z.enum(['found', 'mended', 'failed']),
      /** Why mending failed. */
      error: z.string().nullable(),
    }),
  ),
  /** Names of VMs that somebody works on: left alone. */
  skipped: z.array(z.string()),
  /** Names of the effects it had outside of VMs' operations; none where all is well. */
  effects: z.array(z.string()),
  milliseconds: z.number(),
});
export type Reconciled = z.infer<typeof Reconciled>;

export const reconcile = defineMethod({
  name: 'system.reconcile',
  summary:
    'Compare records with what is there, and mend what differs; VMs that are being worked on are left alone.',
  access: 'change',
  params: z.strictObject({
    /** Only tell what would be mended. */
    dryRun: z.boolean().default(false),
  }),
  result: Reconciled,
});

export const reload = defineMethod({
  name: 'system.reload',
  summary:
    'Read the configuration again, as SIGHUP does. One that is wrong is refused, and the old one kept.',
  access: 'change',
  params: z.strictObject({}),
  result: z.object({
    /** Keys that have changed and hold from now on. */
    applied: z.array(z.string()),
    /** Keys that differ from what holds until the daemon is restarted. */
    restart: z.array(z.string()),
  }),
  errors: [host.configInvalid, host.cgroupsUnavailable],
});

/** One finding of `system.doctor`. */
export const Diagnosis = z.object({
  check: z.string(),
  level: z.enum(['ok', 'warning', 'problem']),
  found: z.string(),
  remedy: z.string().nullable(),
});
export type Diagnosis = z.infer<typeof Diagnosis>;

export const doctor = defineMethod({
  name: 'system.doctor',
  summary: 'Check the host: Firecracker, KVM, tun, capabilities, file systems, bridge, nft; with remedies.',
  access: 'read',
  params: z.strictObject({
    /** A guest kernel's configuration (`/boot/config-…`) to check for what hot-attach needs; root only. */
    kernelConfig: z.string().max(4096).optional(),
  }),
  result: z.object({ diagnoses: z.array(Diagnosis) }),
});
