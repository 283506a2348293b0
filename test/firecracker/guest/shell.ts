/**
 * What a guest runs in, made before anybody asks, so that a boot or a load finds it: namespaces, an init, a root
 * with nothing in its memory yet.
 */
import type { ChildProcess } from 'node:child_process';
import { call } from '../native/libc.js';
import { setUp } from '../native/tap.js';
import { replaceCommands } from './commands.js';
import { Entropy } from './entropy.js';
import { Namespaces } from './namespaces.js';
import { makeBus } from './pci-sysfs.js';
import { makeRandomDevices } from './random-device.js';
import { type MemoryFolder, memoryFolders, memoryPath, mountRoot, prepareMounts, procMount } from './root.js';

const O_PATH_CLOEXEC = 0o12000000;

/**
 * The guest's process 1. It mounts /proc, which only a process inside the PID namespace can; lets the kernel
 * reap what is orphaned (a shell's `read` would end with an orphan); and waits for the VMM's end of its input to close, which nothing but its death does.
 */
const initScript = `mount -t proc -o nosuid,nodev,noexec proc ${procMount} && echo ready; trap '' CHLD; exec cat > /dev/null`;

export interface Shell {
  readonly namespaces: Namespaces;
  readonly entropy: Entropy;
  /** Where a folder of guest memory can be read from outside. */
  readonly memoryBase: (folder: string) => string;
}

/** Makes it; rejects where the host does not allow namespaces. `died` is told when init ends. */
export async function makeShell(died: () => void): Promise<Shell> {
  const { namespaces, init } = Namespaces.create(prepareMounts, initScript);
  await readiness(init);
  init.once('exit', died);
  const entropy = new Entropy();
  const folders = new Map<string, number>();
  namespaces.enter(() => {
    for (const folder of memoryFolders) folders.set(folder, openFolder(folder));
    mountRoot(
      (root) => {
        makeBus(root);
        makeRandomDevices(`${root}/dev`, entropy);
        replaceCommands(root);
      },
      () => namespaces.setRoot(),
    );
    setUp('lo');
  });
  return { namespaces, entropy, memoryBase: (folder) => `/proc/self/fd/${folders.get(folder) ?? -1}/.` };
}

function openFolder(folder: MemoryFolder): number {
  return call('open', memoryPath(folder), O_PATH_CLOEXEC, 0);
}

async function readiness(init: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let complaint = '';
    init.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    init.stdout?.once('data', () => resolve());
    init.once('error', reject);
    init.once('exit', () => reject(new Error(`the guest's init ended: ${complaint.trim()}`)));
  });
  init.removeAllListeners('exit');
  init.stdin?.on('error', () => undefined);
}
