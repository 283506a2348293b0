/**
 * The namespaces that a guest consists of (network, UTS, mount, PID, IPC) and the way in and out of them.
 * All of it is synchronous, on the main thread, and never across an `await` (facts/stand-in.md): a thread that
 * waits inside would do everything else inside as well.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { attempt, call } from '../native/libc.js';

const CLONE_FS = 0x200;
const NS = { mnt: 0x20000, uts: 0x4000000, ipc: 0x8000000, pid: 0x20000000, net: 0x40000000 } as const;
const O_RDONLY_CLOEXEC = 0o2000000;
const O_PATH_CLOEXEC = 0o12000000;
const PR_CAPBSET_DROP = 24;

type Kind = keyof typeof NS;
// The mount namespace last: after it, /proc is another one.
const kinds: readonly Kind[] = ['net', 'uts', 'ipc', 'pid', 'mnt'];

/**
 * What no process of a guest may have: SYS_MODULE, SYS_RAWIO, SYS_PTRACE (its init has all of these), SYS_ADMIN,
 * SYS_BOOT, SYS_TIME, MKNOD (host disks), AUDIT_CONTROL, MAC_OVERRIDE, MAC_ADMIN, SYSLOG, WAKE_ALARM, PERFMON, BPF,
 * CHECKPOINT_RESTORE. They leave the bounding set of this thread: its own rights stay, its children's don't.
 */
const droppedCapabilities = [16, 17, 19, 21, 22, 25, 27, 30, 32, 33, 34, 35, 38, 39, 40];

const nsFile = (kind: Kind): string => `/proc/thread-self/ns/${kind === 'pid' ? 'pid_for_children' : kind}`;

function openAll(which: readonly Kind[]): Map<Kind, number> {
  return new Map(which.map((kind) => [kind, call('open', nsFile(kind), O_RDONLY_CLOEXEC, 0)]));
}

let fsUnshared = false;

export class Namespaces {
  private readonly host = openAll(kinds);
  private readonly hostRoot = call('open', '/', O_PATH_CLOEXEC, 0);
  private readonly hostDirectory = call('open', '.', O_PATH_CLOEXEC, 0);
  private readonly own = new Map<Kind, number>();
  private root: number | undefined;
  private inside = false;

  /**
   * Makes the namespaces; `build` runs in them once, before there is a process. Then the guest's init starts:
   * it runs `script`, and lives exactly as long as this process, because it waits for the end of a pipe that
   * only this process holds. The kernel ends everything else in the PID namespace with it.
   */
  static create(build: () => void, script: string): { namespaces: Namespaces; init: ChildProcess } {
    if (!fsUnshared) call('unshare', CLONE_FS);
    fsUnshared = true;
    const namespaces = new Namespaces();
    try {
      call('unshare', NS.mnt | NS.uts | NS.ipc | NS.net | NS.pid);
      namespaces.inside = true;
      for (const [kind, fd] of openAll(['net', 'uts', 'ipc', 'mnt'])) namespaces.own.set(kind, fd);
      // setns would lead to the namespace's own root, which a jailed VMM's is not.
      call('chdir', '/');
      namespaces.setRoot();
      build();
      const init = spawn('/bin/sh', ['-c', script], {
        stdio: ['pipe', 'pipe', 'pipe'],
        cwd: '/',
        env: { PATH: guestPath },
      });
      for (const [kind, fd] of openAll(['pid'])) namespaces.own.set(kind, fd);
      // Not before init: it mounts the guest's /proc, which needs SYS_ADMIN in the PID namespace.
      for (const capability of droppedCapabilities) attempt('prctl', PR_CAPBSET_DROP, capability, 0, 0, 0);
      return { namespaces, init };
    } finally {
      namespaces.leave();
    }
  }

  /** Runs `work` in the guest, synchronously; a child that it spawns is the guest's. */
  enter<T>(work: () => T): T {
    if (this.inside) return work();
    try {
      this.inside = true;
      for (const kind of kinds) {
        const fd = this.own.get(kind);
        if (fd !== undefined) call('setns', fd, NS[kind]);
      }
      if (this.root !== undefined) {
        call('fchdir', this.root);
        call('chroot', '.');
      }
      return work();
    } finally {
      this.leave();
    }
  }

  /** From now on `enter` starts in the current directory as its root; called from inside. */
  setRoot(): void {
    if (this.root !== undefined) attempt('close', this.root);
    this.root = call('open', '.', O_PATH_CLOEXEC, 0);
  }

  private leave(): void {
    for (const kind of kinds) call('setns', this.host.get(kind), NS[kind]);
    // setns went to the mount namespace's own root; a jailed VMM lives somewhere below.
    call('fchdir', this.hostRoot);
    call('chroot', '.');
    call('fchdir', this.hostDirectory);
    this.inside = false;
  }
}

/** Where commands of a guest are looked for. */
export const guestPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
