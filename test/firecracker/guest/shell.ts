/** What a guest runs in, made before anybody asks: namespaces and an init, empty until a guest boots or is restored. */
import type { ChildProcess } from 'node:child_process';
import { Namespaces } from './namespaces.js';
import { prepareMounts, procMount } from './root.js';

/**
 * The guest's process 1. It mounts /proc, which only a process inside the PID namespace can; lets the kernel
 * reap what is orphaned; and waits for the VMM's end of its input to close, which nothing but its death does.
 */
const initScript = `mount -t proc -o nosuid,nodev,noexec proc ${procMount} && echo ready; trap '' CHLD; read forever`;

export interface Shell {
  readonly namespaces: Namespaces;
  readonly init: ChildProcess;
}

/** Makes the namespaces; rejects where the host does not allow them. */
export async function makeShell(died: () => void): Promise<Shell> {
  const { namespaces, init } = Namespaces.create(prepareMounts, initScript);
  await new Promise<void>((resolve, reject) => {
    let complaint = '';
    init.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    init.stdout?.once('data', () => resolve());
    init.once('error', reject);
    init.once('exit', () => reject(new Error(`the guest's init ended: ${complaint.trim()}`)));
  });
  init.removeAllListeners('exit');
  init.once('exit', died);
  init.stdin?.on('error', () => undefined);
  return { namespaces, init };
}
