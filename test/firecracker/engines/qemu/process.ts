/** The process QEMU: on a leash, with sockets for all that is said to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { Fault } from '../../errors.js';
import { log } from '../../log.js';
import { exitProcess } from '../../native/libc.js';
import { descriptors } from './command-line.js';
import { Qmp } from './qmp.js';

export interface QemuProcess {
  readonly pid: number;
  readonly qmp: Qmp;
  /** The serial channel to the guest's agent. */
  readonly agent: net.Socket;
}

/**
 * Starts QEMU; its end is this process's end, and the other way round. @throws Fault where it can't be started
 */
export async function startQemu(args: readonly string[]): Promise<QemuProcess> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', 'pipe'],
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new Fault(`The engine qemu needs setpriv: ${error.message}`)));
    child.once('exit', (code, signal) =>
      reject(
        new Fault(
          `QEMU (qemu-system-x86_64) ended at its start: ${signal ?? code}; its words are in the log`,
        ),
      ),
    );
  });
  const qmp = new Qmp(socketOf(child, descriptors.monitor));
  const console = socketOf(child, descriptors.console);
  // As a real one's: the guest's console is the VMM's standard output.
  console.on('data', (bytes) => {
    fs.write(1, bytes, () => undefined);
  });
  console.on('error', () => console.destroy());
  const agent = socketOf(child, descriptors.agent);
  agent.on('error', () => agent.destroy());
  await Promise.race([qmp.ask('qmp_capabilities'), failed]);
  failed.catch(() => undefined);
  endTogether(child, qmp);
  return { pid: child.pid ?? 0, qmp, agent };
}

/** A guest that powers off or reboots ends the VMM with 0, as with Firecracker; one that dies with 1 (fact 16). */
function endTogether(child: ChildProcess, qmp: Qmp): void {
  let orderly = false;
  qmp.on('event', ({ event, data }) => {
    if (event === 'SHUTDOWN' && data['guest'] === true) orderly = true;
  });
  child.once('exit', (code, signal) => {
    if (orderly) exitProcess(0);
    log(`The guest is dead: QEMU ended (${signal ?? code})`, 'Error', 'fc_vcpu 0');
    exitProcess(1);
  });
}

function socketOf(child: ChildProcess, fd: number): net.Socket {
  const stream = child.stdio[fd];
  if (stream instanceof net.Socket) return stream;
  throw new TypeError(`descriptor ${fd} of QEMU is no socket`);
}
