import { z } from 'zod';
import { BootSource, Drive, MachineConfig, MachineSpec } from '../api/shapes/machine.js';
import { nothing, stepKind, type Step } from '../../plugins/contract.js';
import type { Fleet } from '../vmm/fleet.js';

const configure = z.object({
  kind: z.literal('configure'),
  vm: z.string(),
  source: BootSource,
  machine: MachineConfig,
  /** With `path_on_host` relative to the VM's folder. */
  drives: z.array(Drive.extend({ path_on_host: z.string() })),
  vsock: z.object({ guestCid: z.int(), path: z.string() }).nullable(),
  entropy: MachineSpec.shape.entropy,
});
export type ConfigureStep = z.infer<typeof configure> & Step;

/** All that a VM is told before it boots; it dies with the process. */
export const configureKind = (fleet: Fleet) =>
  stepKind<ConfigureStep>({
    kind: 'configure',
    schema: configure,
    async run(step, cx) {
      const api = fleet.api(step.vm);
      await api.putBootSource(step.source, cx);
      await api.putMachineConfig(step.machine, cx);
      for (const drive of step.drives) await api.putDrive(drive, cx);
      if (step.vsock) await api.putVsock(step.vsock, cx);
      if (step.entropy) await api.putEntropy(step.entropy, cx);
    },
    ...nothing,
  });

const start = z.object({ kind: z.literal('start'), vm: z.string() });
export type StartStep = z.infer<typeof start> & Step;

/** InstanceStart: from here on the guest runs. */
export const startKind = (fleet: Fleet) =>
  stepKind<StartStep>({
    kind: 'start',
    schema: start,
    run: (step, cx) => fleet.api(step.vm).start(cx),
    ...nothing,
  });
