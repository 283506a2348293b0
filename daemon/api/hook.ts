import { z } from 'zod';
import { defineMethod } from './define.js';
import * as container from './errors/container.js';
import * as network from './errors/network.js';
import { ProgressToken } from './shapes/ids.js';
import { Vm } from './shapes/vm.js';
import { restore } from './snapshot.js';

/** A container as its runtime describes it to hooks (OCI runtime specification, "State"); more keys may come. */
export const ContainerState = z.object({
  ociVersion: z.string().max(64).optional(),
  id: z.string().min(1).max(1024),
  status: z.enum(['creating', 'created', 'running', 'stopped']).optional(),
  /** As the host numbers it; some runtimes leave it out or say 0 once it has ended. */
  pid: z.int().min(0).optional(),
  bundle: z.string().max(4096).optional(),
  annotations: z.record(z.string(), z.string().max(4096)).default({}),
});
export type ContainerState = z.output<typeof ContainerState>;

export const invoke = defineMethod({
  name: 'hook.invoke',
  summary:
    'A container runtime says where a container is in its life: its clone is restored, checked or released.',
  access: 'change',
  progress: true,
  params: z.strictObject({
    /** `createRuntime` restores and waits for ready, `poststart` checks, `poststop` releases; in any order, any number of times. */
    stage: z.enum(['createRuntime', 'poststart', 'poststop']),
    state: ContainerState,
    /** Milliseconds that the runtime gives its hook, less what an undo takes. */
    timeout: z.int().min(1).max(3_600_000).optional(),
    progressToken: ProgressToken.optional(),
  }),
  result: z.object({
    /** `nothing`: no annotation asks for a clone, or there was none to release. */
    outcome: z.enum(['restored', 'found', 'shared', 'ready', 'released', 'nothing']),
    vm: Vm.nullable(),
    warnings: z.array(z.string()),
  }),
  errors: [...Object.values(container), ...restore.errors, network.tapNotReady],
});
