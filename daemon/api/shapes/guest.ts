import { z } from 'zod';

const words = z.string().transform((text) => text.split(' ').filter((word) => word !== ''));

/** How a driver is to be had: in the kernel, once its module is loaded, or not. */
const Driver = z.enum(['there', 'module', 'missing']);

/** What a guest shows of itself to somebody who only looks. Lists are one text, their words spaced. */
export const GuestFacts = z.object({
  /** `uname -r`. */
  kernel: z.string(),
  /** `off`: switched off by its command line; `none`: no such bus; `empty`: a bus without devices. */
  pci: z.enum(['devices', 'empty', 'none', 'off']),
  /** Whether its bus can be told to look for new devices. */
  rescan: z.enum(['open', 'closed']),
  hotplug: z.enum(['yes', 'no']),
  virtioPci: Driver,
  virtioNet: Driver,
  /** `bound`: new ids are heard of; `unheard`: the machine has the device, and no driver took it. */
  vmgenid: z.enum(['bound', 'unheard', 'none']),
  /** `loadable`: not there, and nothing keeps it from being loaded. */
  loopback: z.enum(['builtin', 'loaded', 'loadable', 'blocked', 'missing']),
  /** What would reseed its kernel: the installed program, thaw's own in `/run`, an interpreter. */
  reseeds: z.enum(['installed', 'brought', 'python3', 'perl', 'nothing']),
  /** Programs that are not there. */
  lacks: words,
  /** What its `ip` can't do. */
  ipLacks: words,
  /** Paths that can't be written. */
  closed: words,
  machineId: z.enum(['there', 'missing']),
  restoreD: z.enum(['there', 'missing']),
  /** Files in restore.d that are not executable. */
  idle: words,
  /** Programs under way that set up NICs. */
  managers: words,
  /** What is told to set up `eth0` once it is there. */
  claims: words,
});
export type GuestFacts = z.output<typeof GuestFacts>;
