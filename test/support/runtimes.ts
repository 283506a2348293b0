import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hookPath } from './container.js';
import type { Host } from './host.js';

// Real container runtimes inside a test's box: their roots, sockets and control groups are its own.

const hostsOwn = ['/bin', '/sbin', '/lib', '/lib64', '/usr'];
const rights = ['CAP_NET_RAW'];

/** Programs of the host's, read-only; a network namespace with nothing in it. */
function configuration(host: Host, about: { id: string; script: string; snapshot: string }): object {
  const hook = (stage: string) => [
    {
      path: process.execPath,
      args: ['node', hookPath, stage, '--timeout', '20'],
      env: [`THAW_SOCKET=${host.socketPath}`],
      timeout: 20,
    },
  ];
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/sh', '-c', about.script],
      env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      cwd: '/',
      capabilities: { bounding: rights, effective: rights, permitted: rights },
    },
    root: { path: 'rootfs' },
    annotations: { 'dev.thaw.snapshot': about.snapshot, 'dev.thaw.grace': '500ms' },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      ...hostsOwn.map((path) => ({
        ...{ destination: path, type: 'bind', source: path },
        options: ['rbind', 'ro'],
      })),
    ],
    hooks: {
      createRuntime: hook('createRuntime'),
      poststart: hook('poststart'),
      poststop: hook('poststop'),
    },
    linux: {
      cgroupsPath: `/thaw-test/${about.id}`,
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
    },
  };
}

/** Shows the host's control groups inside the box, which has none of its own. */
export async function showCgroups(host: Host): Promise<void> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const v2 = /^\S+ \/sys\/fs\/cgroup cgroup2 /m.test(mounts);
  const first = [...mounts.matchAll(/^\S+ \/sys\/fs\/cgroup\/\S+ cgroup (\S+)/gm)]
    .map(([, options = '']) =>
      options.split(',').filter((one) => !/^(?:rw|relatime|nosuid|nodev|noexec)$/.test(one)),
    )
    .map((controllers) => controllers.join(','));
  const script = v2
    ? 'mount -t cgroup2 none /sys/fs/cgroup'
    : [
        'mount -t tmpfs none /sys/fs/cgroup',
        ...first.map((one) => {
          const dir = `/sys/fs/cgroup/${one.replace('name=', '')}`;
          return `mkdir ${dir} && mount -t cgroup -o ${one} none ${dir}`;
        }),
      ].join(' && ');
  await host.exec('sh', '-c', script);
}

/** Takes the groups of a test away. */
export async function removeCgroups(host: Host): Promise<void> {
  await host.exec(
    'sh',
    '-c',
    'find /sys/fs/cgroup -depth -type d -path "*/thaw-test*" -exec rmdir {} + || true',
  );
}

/** A bundle whose process runs a script. */
export async function bundle(
  host: Host,
  about: { id: string; script: string; snapshot?: string },
): Promise<string> {
  const dir = join(host.box.runDir, `bundle-${about.id}`);
  const config = configuration(host, { snapshot: 'base', ...about });
  for (const path of ['proc', ...hostsOwn]) await mkdir(join(dir, 'rootfs', path), { recursive: true });
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  return dir;
}

/** Succeeds where the guest answers by the time the container's process runs: its cable leads to one address. */
export const pingsItsGuest = 'ping -c 1 -W 2 "$(ip route show dev thaw0 | cut -d " " -f 1)"';
