/** A guest: namespaces with files, NICs and an agent, that boots, pauses, resumes, is saved and restored. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import type { Guest, Saved } from '../engines/engine.js';
import { environment } from '../environment.js';
import type { Faults } from '../faults.js';
import { log } from '../log.js';
import { exitProcess } from '../native/libc.js';
import { sleep } from '../timing.js';
import { pack, unpack } from './archive.js';
import { Agent } from './agent/agent.js';
import { HttpAgent } from './agent/http-agent.js';
import { AgentPort, type VsockOffer } from './agent/port.js';
import { hostNow, readOffset, writeOffset } from './clock.js';
import type { Hardware } from './hardware.js';
import { Kernel } from './kernel.js';
import { type GuestMemory, type SavedGuest, writeMemoryFile } from './memory.js';
import { dumpScript, parseDump, restoreLines } from './network-state.js';
import { showGenerationId } from './pci-sysfs.js';
import { guestPathOf, memoryFolders } from './root.js';
import { VCpus } from './vcpus.js';
import { makeShell, type Shell } from './shell.js';
import type { Namespaces } from './namespaces.js';

const timing = environment.timing;

/** What a guest keeps for life. */
type Constant = Pick<GuestMemory, 'agentPort' | 'vmgenid' | 'bootId'>;

export class NamespaceGuest implements Guest {
  private readonly kernel: Kernel;
  private readonly vcpus: VCpus;
  private readonly agent: AgentPort;

  private constructor(
    private readonly shell: Shell,
    parts: { kernel: Kernel; vcpus: VCpus; agent: AgentPort },
    private readonly memory: Constant,
  ) {
    this.kernel = parts.kernel;
    this.vcpus = parts.vcpus;
    this.agent = parts.agent;
  }

  /** Starts making a guest's namespaces, so that a boot or a load finds them ready. */
  static async shell(): Promise<Shell> {
    return makeShell(() => {
      log('The guest is dead: its init was killed', 'Error', 'fc_vcpu 0');
      exitProcess(1);
    });
  }

  /** A guest that boots: its agent answers after a while (fact 5). */
  static boot(shell: Shell, hardware: Hardware, faults: Faults): NamespaceGuest {
    const { namespaces } = shell;
    const kernel = new Kernel(shell, hardware, { devices: [], nextVirtio: 0, hung: false });
    kernel.start(() => {
      writeFresh('/etc/hostname', 'guest\n');
      writeFresh('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`);
      writeFresh('/etc/resolv.conf', '');
      writeOffset(0n);
      kernel.setHostname('guest');
      if (environment.vmgenid) showGenerationId();
      kernel.scan();
    });
    const vcpus = new VCpus(namespaces, true);
    const agent = agentPort(environment.agentPort, { namespaces, vcpus, kernel, faults });
    void sleep(timing.boot)
      .then(() => vcpus.running())
      .then(() => agent.listen());
    return new NamespaceGuest(shell, { kernel, vcpus, agent }, fixed(environment.agentPort));
  }

  /** A guest as its memory has it, not running yet. */
  static restore(shell: Shell, hardware: Hardware, faults: Faults, saved: SavedGuest): NamespaceGuest {
    const { namespaces } = shell;
    const { memory } = saved;
    shell.entropy.recall(memory.entropy);
    if (memory.vmgenid) shell.entropy.reseed('generation', randomBytes(16));
    const kernel = new Kernel(shell, hardware, memory);
    kernel.start(() => {
      unpack(guestPathOf, saved.files);
      kernel.setHostname(memory.hostname);
      if (memory.vmgenid) showGenerationId();
      kernel.recall();
    });
    const vcpus = new VCpus(namespaces, false);
    const lines = restoreLines(memory.network);
    // Before the first instruction: where it has NICs, `ip` brings their addresses back.
    if (lines.length > 0) vcpus.first(() => kernel.run(['ip', '-force', '-batch', '-'], lines.join('\n')));
    const agent = agentPort(memory.agentPort, { namespaces, vcpus, kernel, faults });
    if (memory.agentStuck) agent.stick();
    agent.listen();
    return new NamespaceGuest(shell, { kernel, vcpus, agent }, memory);
  }

  /** The clock goes on from where it stopped, or jumps ahead by the time since if the load asked for that. */
  setClock(memory: GuestMemory, realtime: boolean): void {
    if (realtime) return;
    this.kernel.enter(() => writeOffset(BigInt(memory.clock) - hostNow()));
  }

  async pause(): Promise<void> {
    this.kernel.pausePumps();
    await this.vcpus.pause();
  }

  async resume(): Promise<void> {
    await this.vcpus.resume();
    this.kernel.resumePumps();
  }

  connect(port: number, offer: VsockOffer): void {
    this.agent.connect(port, offer);
  }

  /** It finds the device when it rescans its bus. */
  plugged(): void {}

  unplugged(slot: number): void {
    this.kernel.unplugged(slot);
  }

  driveChanged(slot: number): void {
    this.kernel.driveChanged(slot);
  }

  async save(): Promise<Saved> {
    const dump = await this.kernel.run(['/bin/sh', '-c', dumpScript]);
    const { hostname, offset } = this.kernel.enter(() => ({ hostname: os.hostname(), offset: readOffset() }));
    const { agentPort, vmgenid, bootId } = this.memory;
    const memory: GuestMemory = {
      agentPort,
      vmgenid,
      bootId,
      ...this.kernel.save(),
      hostname,
      clock: String(hostNow() + offset),
      network: parseDump(dump),
      agentStuck: this.agent.hasClient,
    };
    const saved = { memory, files: pack(this.shell.memoryBase, memoryFolders) };
    return { cpu: undefined, writeMemory: (path, size) => writeMemoryFile(path, size, saved) };
  }

  resetVsock(): void {
    this.agent.reset();
  }
}

interface AgentParts {
  namespaces: Namespaces;
  vcpus: VCpus;
  kernel: Kernel;
  faults: Faults;
}

function agentPort(port: number, { namespaces, vcpus, kernel, faults }: AgentParts): AgentPort {
  const running = (): Promise<void> => vcpus.running();
  const common = { hung: () => kernel.hung, running };
  if (environment.agent === 'http') {
    const token = environment.agentToken;
    const http = new HttpAgent({ running, run: (command, input) => kernel.run(command, input), token });
    return new AgentPort(port, { ...common, serve: (client) => http.serve(client) });
  }
  const agent = new Agent({
    enter: (work) => namespaces.enter(work),
    faults,
    running,
    shutdown: () => exitProcess(0),
  });
  return new AgentPort(port, { ...common, serve: (client) => agent.serve(client) });
}

function fixed(agentPort: number): Constant {
  return { agentPort, vmgenid: environment.vmgenid, bootId: randomUUID() };
}

/** Replaces a file; where the host has a link there, its target is none of the guest's business. */
function writeFresh(path: string, text: string): void {
  fs.rmSync(path, { force: true });
  fs.writeFileSync(path, text);
}
