import { z } from 'zod';
import { defineMethod } from './define.js';

/** The version of this contract: the minor number grows with every addition, the major one with every break. */
export const contractVersion = '1.0';

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
    residentBytes: z.int(),
    eventLoopLagMs: z.number(),
  }),
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
