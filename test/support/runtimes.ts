import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hookPath } from './container.js';
import type { Host } from './host.js';

// Real container runtimes inside a test's box: their roots, sockets and control groups are its own.

export const hostsOwn = ['/bin', '/sbin', '/lib', '/lib64', '/usr'];
const rights = ['CAP_NET_RAW'];

/** How a hook is called: by its bundle, as its first line says. */
interface HookEntry {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Seconds until the runtime kills it. */
  readonly timeout: number;
}

type Stage = 'createRuntime' | 'poststart' | 'poststop';

/** The hook as a runtime's configuration names it. */
export function hookEntry(host: Host, stage: Stage): HookEntry {
  return {
    path: hookPath,
    args: ['thaw-oci-hook', stage, '--timeout', '20'],
    env: [`THAW_SOCKET=${host.socketPath}`, 'PATH=/usr/local/bin:/usr/bin:/bin'],
    timeout: 20,
  };
}

export interface BundleWish {
  readonly id: string;
  /** What the container's process runs. */
  readonly script: string;
  readonly snapshot?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Hooks in place of those that there are. */
  readonly hooks?: Partial<Record<Stage, readonly HookEntry[]>>;
}

/** Programs of the host's, read-only; a network namespace with nothing in it. */
function configuration(host: Host, { id, script, snapshot = 'base', ...more }: BundleWish): object {
  const hooks: BundleWish['hooks'] = {
    createRuntime: [hookEntry(host, 'createRuntime')],
    poststart: [hookEntry(host, 'poststart')],
    poststop: [hookEntry(host, 'poststop')],
    ...more.hooks,
  };
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/sh', '-c', script],
      env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      cwd: '/',
      capabilities: { bounding: rights, effective: rights, permitted: rights },
    },
    root: { path: 'rootfs' },
    annotations: { 'dev.thaw.snapshot': snapshot, 'dev.thaw.grace': '200ms', ...more.annotations },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      ...hostsOwn.map((path) => ({
        ...{ destination: path, type: 'bind', source: path },
        options: ['rbind', 'ro'],
      })),
    ],
    hooks,
    linux: {
      cgroupsPath: `/thaw-test/${id}`,
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
export async function bundle(host: Host, wish: BundleWish): Promise<string> {
  const dir = join(host.box.runDir, `bundle-${wish.id}`);
  for (const path of ['proc', 'dev', ...hostsOwn])
    await mkdir(join(dir, 'rootfs', path), { recursive: true });
  await writeFile(join(dir, 'config.json'), JSON.stringify(configuration(host, wish)));
  return dir;
}

/** How a program inside has ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Runs a program inside to its end, whatever it ends with. */
export function runInside(host: Host, ...command: readonly string[]): Promise<Ended> {
  const [program, args] = host.box.inside(command);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  return once(child, 'close').then(([code]): Ended => ({ code: code as number | null, said }));
}

/** As {@link runInside}, for what a container inherits: a pipe to it would not end. */
export const runQuietly = (host: Host, ...command: readonly string[]): Promise<Ended> =>
  runInside(host, 'sh', '-c', '"$@" > /dev/null 2>&1', 'sh', ...command);

/** Succeeds where the guest answers by the time the container's process runs: its cable leads to one address. */
export const pingsItsGuest = 'ping -c 1 -W 2 "$(ip route show dev thaw0 | cut -d " " -f 1)"';
