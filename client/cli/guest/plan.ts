import { reseedProgram } from '../../../daemon/api/guest/reseed-program.js';
import { usage } from '../usage.js';
import type { Tree, Wanted } from './tree.js';

export interface Preparation {
  readonly wanted: readonly Wanted[];
  /** What somebody must do who can do more than write files. */
  readonly notes: readonly string[];
}

const agent = '/usr/lib/thaw/agent';

const agentScript = (qemuGa: string, port: number): string => `#!/bin/sh
# qemu-ga for thaw, on vsock. Started again whenever it ends. Of its own configuration: a distribution's may switch
# guest-exec off.
# The driver of a NIC that is yet to come nobody else would load: the source has none.
modprobe -qa virtio_net vmw_vsock_virtio_transport 2>/dev/null
until [ -e /dev/vsock ]; do sleep 0.1; done
export QGA_CONF=/etc/thaw/qemu-ga.conf
exec ${qemuGa} -m vsock-listen -p 4294967295:${port} -t /run -f /run/thaw-agent.pid
`;

const unit = `[Unit]
Description=QEMU guest agent on vsock, for thaw
DefaultDependencies=no
After=systemd-modules-load.service systemd-tmpfiles-setup-dev.service

[Service]
ExecStart=${agent}
Restart=always
RestartSec=0

[Install]
WantedBy=multi-user.target
`;

const openrc = `#!/sbin/openrc-run
description="QEMU guest agent on vsock, for thaw"
supervisor=supervise-daemon
command=${agent}
respawn_delay=0
respawn_max=0
`;

/** An unprivileged process could reach the agent by it, or be taken for it. */
const loopback = 'blacklist vsock_loopback\ninstall vsock_loopback /bin/false\n';

/** What a root file system needs to be a guest of thaw's. @throws usage for a processor without a reseeding program */
export function planPreparation(
  tree: Tree,
  { port, arch }: { port: number; arch: string | null },
): Preparation {
  const processor = arch ?? archOf(tree);
  const reseeder = reseedProgram(processor);
  if (!reseeder)
    throw usage(`There is no reseeding program for ${processor}`, 'Give --arch x64 or --arch arm64');
  const found = ['/usr/sbin/qemu-ga', '/usr/bin/qemu-ga', '/sbin/qemu-ga'].find((path) => tree.has(path));
  const service = serviceFor(tree);
  return {
    wanted: [
      { is: 'folder', path: '/etc/thaw/restore.d' },
      { is: 'file', path: '/etc/thaw/qemu-ga.conf', content: '[general]\n', mode: 0o644 },
      { is: 'file', path: '/etc/modprobe.d/thaw.conf', content: loopback, mode: 0o644 },
      { is: 'file', path: '/usr/lib/thaw/reseed', content: reseeder, mode: 0o755 },
      { is: 'file', path: agent, content: agentScript(found ?? '/usr/sbin/qemu-ga', port), mode: 0o755 },
      ...service.wanted,
    ],
    notes: [
      ...(found ? [] : ['qemu-ga is not there: install the package qemu-guest-agent into the tree']),
      ...service.notes,
      `boot it with the agent’s port: thaw boot --agent-port ${port}`,
    ],
  };
}

function serviceFor(tree: Tree): Preparation {
  if (tree.has('/usr/lib/systemd/systemd') || tree.has('/lib/systemd/systemd')) {
    const path = '/etc/systemd/system/thaw-agent.service';
    const link = '/etc/systemd/system/multi-user.target.wants/thaw-agent.service';
    return {
      wanted: [
        { is: 'file', path, content: unit, mode: 0o644 },
        { is: 'link', path: link, to: path },
      ],
      notes: [],
    };
  }
  if (tree.has('/sbin/openrc-run')) {
    const path = '/etc/init.d/thaw-agent';
    return {
      wanted: [
        { is: 'file', path, content: openrc, mode: 0o755 },
        { is: 'link', path: '/etc/runlevels/default/thaw-agent', to: path },
      ],
      notes: [],
    };
  }
  const table = tree.read('/etc/inittab')?.toString('utf8');
  if (table === undefined) {
    return {
      wanted: [],
      notes: [`no systemd, OpenRC or inittab: have your init run ${agent}, again whenever it ends`],
    };
  }
  const lines = table.split('\n').filter((line) => !line.endsWith(`:respawn:${agent}`));
  while (lines.at(-1) === '') lines.pop();
  // Busybox's init takes no id, System V's needs one.
  const id = lines.some((line) => /^[^:#]+:[0-9S]*:initdefault:/.test(line)) ? 'thaw:2345' : ':';
  const content = `${[...lines, `${id}:respawn:${agent}`].join('\n')}\n`;
  return { wanted: [{ is: 'file', path: '/etc/inittab', content, mode: 0o644 }], notes: [] };
}

/** The processor of a tree's programs (e_machine of their ELF headers); this machine's where none can be read. */
function archOf(tree: Tree): string {
  for (const path of ['/bin/sh', '/bin/busybox', '/usr/bin/env']) {
    const head = tree.read(path)?.subarray(0, 20);
    if (!head || head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) continue;
    const machine = head.readUInt16LE(18);
    return { 62: 'x64', 183: 'arm64' }[machine] ?? `processor ${machine}`;
  }
  return process.arch;
}
