import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

// The first process of the new namespaces. It takes in orphans, as init does, and ends with its standard input, and
// the kernel then ends all others with it. It reads its number on the host before it sees its own /proc.
const init = `
set -e
read -r pid rest < /proc/self/stat
mount -t proc proc /proc
mount -t sysfs sysfs /sys
ip link set lo up
if [ -n "$SMALL" ]; then for dir; do mount -t tmpfs -o "size=$SMALL,mode=0700" tmpfs "$dir"; done; fi
echo "$pid"
cat > /dev/null
exit 0
`;

// Outside: outlives everything inside, and then removes the folders.
const warden = `
init=$1
shift
unshare --net --mount --propagation private --pid --fork sh -c "$init" init "$@"
rm -rf -- "$@"
`;

/** A tmpfs with a short path. */
const runRoot = (): string => ['/dev/shm', '/run'].find((dir) => existsSync(dir)) ?? tmpdir();

/** One process inside a box, by the number that it has there. */
export interface Inmate {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly state: string;
  readonly cwd: string | null;
}

/**
 * Network, mount and PID namespaces of their own, and two folders. The pipe to their first process is the leash: when
 * this process closes it, or dies of whatever, the kernel ends all that runs inside, and the folders go.
 */
export class Box {
  /** On a tmpfs, with a short path: sockets lie in it. Where the folders are small, ask {@link seen} for its path here. */
  readonly runDir: string;
  /** On a disk. */
  readonly storeDir: string;
  /** The first process inside, by its number on the host. */
  readonly pid: number;
  readonly #warden: ChildProcess;
  readonly #small: boolean;

  private constructor(
    dirs: { run: string; store: string; small: boolean },
    started: { warden: ChildProcess; pid: number },
  ) {
    this.runDir = dirs.run;
    this.storeDir = dirs.store;
    this.#small = dirs.small;
    this.pid = started.pid;
    this.#warden = started.warden;
  }

  /** @param small the size of a tmpfs for each of the folders, e.g. `8m`: disks that can be filled */
  static async open({ small = '' }: { small?: string } = {}): Promise<Box> {
    const dirs = {
      small: small !== '',
      run: await mkdtemp(join(runRoot(), 'thaw-')),
      store: await mkdtemp(join(tmpdir(), 'thaw-')),
    };
    const child = spawn('sh', ['-c', warden, 'warden', init, dirs.run, dirs.store], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, SMALL: small },
      // A Ctrl-C at the terminal must not end it before it has cleaned up.
      detached: true,
    });
    const [line] = (await Promise.race([
      once(createInterface(child.stdout), 'line'),
      once(child, 'close').then(() => ['']),
    ])) as [string];
    if (!/^\d+$/.test(line)) throw new Error('the namespaces for a test could not be made');
    return new Box(dirs, { warden: child, pid: Number(line) });
  }

  /** The path on this side of one inside. */
  seen(path: string): string {
    return this.#small ? `/proc/${this.pid}/root${path}` : path;
  }

  /** The command line that runs `command` inside. */
  inside(command: readonly string[]): [string, string[]] {
    return [
      'nsenter',
      ['--target', String(this.pid), '--net', '--mount', '--pid', '--root', '--wd', '--', ...command],
    ];
  }

  /** Runs a program inside and gives what it wrote; rejects where it fails. */
  async exec(...command: readonly string[]): Promise<string> {
    const { stdout } = await run(...this.inside(command), { maxBuffer: 1 << 26 });
    return stdout;
  }

  /** Sends a signal to a process by the number that it has inside. */
  async signal(pid: number, signal: NodeJS.Signals): Promise<void> {
    await this.exec('sh', '-c', 'kill -s "$1" "$2"', 'kill', signal.slice(3), String(pid));
  }

  /** All processes inside but the first one and what it waits with; zombies are none. */
  async inmates(): Promise<readonly Inmate[]> {
    const proc = `/proc/${this.pid}/root/proc`;
    const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
    const found = await Promise.all(pids.map((pid) => lookAt(join(proc, pid))));
    return found.filter(
      (inmate) =>
        inmate !== null &&
        inmate.pid !== 1 &&
        inmate.state !== 'Z' &&
        !(inmate.parent === 1 && inmate.name === 'cat'),
    ) as Inmate[];
  }

  /** Mount points inside. */
  async mounts(): Promise<readonly string[]> {
    const text = await readFile(`/proc/${this.pid}/mountinfo`, 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '');
  }

  /** Ends all that runs inside and removes the folders. */
  async close(): Promise<void> {
    if (this.#warden.exitCode !== null || this.#warden.signalCode !== null) return;
    const closed = once(this.#warden, 'close');
    this.#warden.stdin?.end();
    await closed;
  }
}

async function lookAt(dir: string): Promise<Inmate | null> {
  try {
    const stat = await readFile(join(dir, 'stat'), 'utf8');
    // proc_pid_stat(5): the name stands in parentheses and may hold any character.
    const end = stat.lastIndexOf(')');
    const [state = '', parent = ''] = stat.slice(end + 2).split(' ');
    const cwd = await readlink(join(dir, 'cwd')).catch(() => null);
    const name = stat.slice(stat.indexOf('(') + 1, end);
    return { pid: Number.parseInt(stat, 10), parent: Number(parent), name, state, cwd };
  } catch {
    return null; // It ended while being looked at.
  }
}
