import { z } from 'zod';
import { defineError } from '../define.js';

// 3100–3199: networks and NICs.

export const networkUnknown = defineError({
  code: 3101,
  reason: 'network-unknown',
  retryable: false,
  data: z.object({ network: z.string(), known: z.array(z.string()) }),
  message: ({ network, known }) => `There is no network ${network}; there are: ${known.join(', ') || 'none'}`,
  remedy: () => 'Name one of them, or add it under "networks" in the configuration',
});

export const subnetExhausted = defineError({
  code: 3102,
  reason: 'subnet-exhausted',
  retryable: true,
  data: z.object({ network: z.string(), subnet: z.string(), leases: z.int() }),
  message: ({ network, subnet, leases }) => `All ${leases} addresses of ${network} (${subnet}) are leased`,
  remedy: () => 'Stop VMs, or configure a larger subnet',
});

export const addressTaken = defineError({
  code: 3103,
  reason: 'address-taken',
  retryable: false,
  data: z.object({ address: z.string(), by: z.string() }),
  message: ({ address, by }) => `${address} is held by ${by}`,
  remedy: () => 'Choose another address, or none to have one leased',
});

export const addressOutside = defineError({
  code: 3104,
  reason: 'address-outside-subnet',
  retryable: false,
  data: z.object({ address: z.string(), subnet: z.string() }),
  message: ({ address, subnet }) => `${address} is not an address for a VM in ${subnet}`,
  remedy: ({ subnet }) =>
    `Choose an address inside ${subnet}, neither the gateway's, the network's nor the broadcast one`,
});

export const tapBusy = defineError({
  code: 3105,
  reason: 'tap-busy',
  retryable: true,
  data: z.object({ tap: z.string() }),
  message: ({ tap }) => `The tap ${tap} is in use by another process`,
  remedy: () => 'End the process that holds it (`thaw network check` says whose it is)',
});

export const noPci = defineError({
  code: 3106,
  reason: 'no-pci',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} was booted without PCI, so a NIC can't be attached to it or its clones`,
  remedy: () => 'Boot the source with PCI (`--enable-pci`, thaw’s default) and take a new snapshot',
});

export const nicAfterUnplug = defineError({
  code: 3107,
  reason: 'nic-after-unplug',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `A device of ${vm} was unplugged once; a new NIC would be dead in the guest`,
  remedy: ({ vm }) => `Restore a fresh clone and attach to it, not to ${vm}`,
});

export const attachmentUnknown = defineError({
  code: 3108,
  reason: 'attachment-unknown',
  retryable: false,
  data: z.object({ vm: z.string(), attachment: z.string() }),
  message: ({ vm, attachment }) => `${vm} has no attachment ${attachment}`,
  remedy: ({ vm }) => `\`thaw show ${vm}\` lists its attachments`,
});

export const linkForeign = defineError({
  code: 3109,
  reason: 'link-foreign',
  retryable: false,
  data: z.object({ link: z.string(), why: z.string() }),
  message: ({ link, why }) => `The link ${link} is not thaw's: ${why}`,
  remedy: () =>
    'Remove or rename it by hand, or configure another name; thaw never touches what it did not make',
});

export const tapNotReady = defineError({
  code: 3110,
  reason: 'tap-not-ready',
  retryable: true,
  data: z.object({ tap: z.string(), why: z.string() }),
  message: ({ tap, why }) => `The tap ${tap} is not what was made: ${why}`,
  remedy: () => 'Something else on this host changes links; look at network managers and other daemons',
});

export const tooManyNics = defineError({
  code: 3111,
  reason: 'too-many-nics',
  retryable: false,
  data: z.object({ vm: z.string(), limit: z.int() }),
  message: ({ vm, limit }) => `${vm} would get more than ${limit} NICs`,
  remedy: () => 'Firecracker has 31 device slots, the other devices included',
});

export const macTaken = defineError({
  code: 3112,
  reason: 'mac-taken',
  retryable: false,
  data: z.object({ mac: z.string(), by: z.string() }),
  message: ({ mac, by }) => `The MAC ${mac} is held by ${by}`,
  remedy: () => 'Choose another one, or none to have one made',
});

export const nicNameInvalid = defineError({
  code: 3113,
  reason: 'nic-name-invalid',
  retryable: false,
  data: z.object({ nic: z.string() }),
  message: ({ nic }) => `${nic} is no name for a NIC of thaw's`,
  remedy: () => 'NICs are called eth0 to eth999: the number is the last part of the tap’s name',
});

export const networkInvalid = defineError({
  code: 3114,
  reason: 'network-invalid',
  retryable: false,
  data: z.object({ network: z.string(), why: z.string() }),
  message: ({ network, why }) => `The network ${network} can't be set up: ${why}`,
  remedy: () => 'Correct it under "networks" in the configuration',
});

export const macInvalid = defineError({
  code: 3115,
  reason: 'mac-invalid',
  retryable: false,
  data: z.object({ mac: z.string(), why: z.string() }),
  message: ({ mac, why }) => `${mac} can't be a NIC's MAC: ${why}`,
  remedy: () => 'Choose a unicast one such as 02:00:00:00:00:01, or none to have one made',
});

export const tapTaken = defineError({
  code: 3116,
  reason: 'tap-taken',
  retryable: true,
  data: z.object({ tap: z.string(), by: z.string() }),
  message: ({ tap, by }) => `The tap ${tap}, which the snapshot has inside, is ${by}’s`,
  remedy: () =>
    'One VM at a time can have it, the source counts: stop that one; the strategy override gives each clone a tap of its own',
});

export const nicUnknown = defineError({
  code: 3117,
  reason: 'nic-unknown',
  retryable: false,
  data: z.object({ snapshot: z.string(), nic: z.string(), known: z.array(z.string()) }),
  message: ({ snapshot, nic, known }) =>
    `${snapshot} has no NIC ${nic} inside; it has: ${known.join(', ') || 'none'}`,
  remedy: () => 'Name one of them, or none: wishes without an id go to the NICs in their order',
});

export const bridgeFull = defineError({
  code: 3118,
  reason: 'bridge-full',
  retryable: true,
  data: z.object({ bridge: z.string() }),
  message: ({ bridge }) => `The bridge ${bridge} has 1,023 ports, and the kernel gives it no more`,
  remedy: () => 'Stop VMs, or put further ones into a network on another bridge',
});

export const portTaken = defineError({
  code: 3130,
  reason: 'port-taken',
  retryable: false,
  data: z.object({ port: z.string(), by: z.string() }),
  message: ({ port, by }) => `The host’s port ${port} is held by ${by}`,
  remedy: () => 'Choose another port of the host, or another address of it, or stop what holds it',
});

export const portsUnsupported = defineError({
  code: 3131,
  reason: 'ports-unsupported',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `No port of this host can lead to ${vm}: its kernel took no such rules`,
  remedy: () => 'Load the kernel modules nft_nat and nft_fib_inet, then restart thawd; or ask for no ports',
});
