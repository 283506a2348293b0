import { z } from 'zod';
import { defineError } from '../define.js';

// 3150–3199: network namespaces, and the CNI plugins that work in them.

export const namespaceLimit = defineError({
  code: 3151,
  reason: 'namespace-limit',
  retryable: true,
  data: z.object({}),
  message: () => 'The host has as many network namespaces as it may have',
  remedy: () => 'Stop VMs, or raise the sysctl user.max_net_namespaces',
});

export const namespaceGone = defineError({
  code: 3152,
  reason: 'namespace-gone',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `${vm} has no network namespace of its own any more`,
  remedy: () => 'It goes with the VMM: restore a fresh clone',
});

export const attachInNamespace = defineError({
  code: 3153,
  reason: 'attach-in-namespace',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) =>
    `${vm} lives in the network namespace of a container, whose interface it has: thaw puts no other there`,
  remedy: () => 'Let the container ask for its network “beside”, whose clones can get more NICs',
});

export const translationUnsupported = defineError({
  code: 3154,
  reason: 'translation-unsupported',
  retryable: false,
  data: z.object({ vm: z.string() }),
  message: ({ vm }) => `This kernel can't translate addresses in the network namespace of ${vm}`,
  remedy: () =>
    'Load nft_nat, and for IPv6 nft_fwd_netdev (modprobe), or use a kernel that has them; or another strategy',
});

export const cniFailed = defineError({
  code: 3160,
  reason: 'cni-failed',
  retryable: true,
  data: z.object({
    network: z.string(),
    command: z.string(),
    plugin: z.string(),
    /** The plugin's own number; null where it gave none. */
    number: z.int().nullable(),
    said: z.string(),
  }),
  message: ({ network, command, plugin, said }) =>
    `The CNI plugin ${plugin} of the network ${network} failed at ${command}: ${said}`,
  remedy: () => 'What it says is its own; see its documentation, and the configuration list of the network',
});

export const cniPluginMissing = defineError({
  code: 3161,
  reason: 'cni-plugin-missing',
  retryable: false,
  data: z.object({ plugin: z.string(), path: z.array(z.string()) }),
  message: ({ plugin, path }) => `There is no CNI plugin ${plugin} in ${path.join(':')}`,
  remedy: () => 'Install it (on Debian: apt-get install containernetworking-plugins), or correct "cni.path"',
});

export const cniUnavailable = defineError({
  code: 3165,
  reason: 'cni-unavailable',
  retryable: true,
  data: z.object({
    network: z.string(),
    plugin: z.string(),
    /** CNI’s: 50, or 51 where VMs that are there already are concerned too. */
    number: z.int(),
    said: z.string(),
  }),
  message: ({ network, plugin, number, said }) =>
    `The CNI plugin ${plugin} says that it can give no NIC in ${network} now` +
    `${number === 51 ? ', and that NICs which are there may be cut off' : ''}: ${said}`,
  remedy: ({ plugin }) =>
    `Wait, or see to what ${plugin} depends on: its daemon, its controller; then try again`,
});

export const cniListInvalid = defineError({
  code: 3162,
  reason: 'cni-list-invalid',
  retryable: false,
  data: z.object({ path: z.string(), why: z.string() }),
  message: ({ path, why }) => `The CNI configuration list ${path} can't be used: ${why}`,
  remedy: () => 'It must be a list ("plugins": […]) of CNI 1.0.0 or 1.1.0',
});

export const cniNotHere = defineError({
  code: 3164,
  reason: 'cni-not-here',
  retryable: false,
  data: z.object({ network: z.string(), why: z.string() }),
  message: ({ network, why }) => `The network ${network} of CNI’s can’t be used here: ${why}`,
  remedy: () =>
    'Restore clones of a snapshot without a NIC into it, with hot-attach and no other kind of network',
});

export const cniResultUnusable = defineError({
  code: 3163,
  reason: 'cni-result-unusable',
  retryable: false,
  data: z.object({ network: z.string(), why: z.string() }),
  message: ({ network, why }) => `What the CNI plugins of ${network} made is of no use to a guest: ${why}`,
  remedy: () =>
    'Use plugins that make an interface with a MAC and an address in the namespace, such as bridge, ptp or macvlan',
});
