/** A guest under QEMU: a kernel of its own, and its agent behind the VMM's vsock. */
import { environment } from '../../environment.js';
import { Fault } from '../../errors.js';
import { AgentPort, type VsockOffer } from '../../guest/agent/port.js';
import type { Hardware } from '../../guest/hardware.js';
import type { Guest, Saved } from '../engine.js';
import { AgentChannel } from './agent-channel.js';
import { agentId, type Memory, qemuArguments } from './command-line.js';
import { QemuMachine } from './machine.js';
import { dumpMemory } from './memory.js';
import { type QemuProcess, startQemu } from './process.js';
import { decode, encode, type Kept } from './state.js';

export class QemuGuest implements Guest {
  private readonly machine: QemuMachine;
  private readonly agent: AgentPort;
  /** Kinds of the devices in their slots. */
  private readonly kinds = new Map<number, 'net' | 'block'>();
  private runs = false;
  private waiting: (() => void)[] = [];
  private agentListens: boolean;

  private constructor(
    private readonly hardware: Hardware,
    private readonly qemu: QemuProcess,
    private readonly kept: Kept,
  ) {
    this.machine = new QemuMachine(qemu.qmp);
    this.agentListens = kept.agentListens;
    const channel = new AgentChannel(qemu.agent);
    this.agent = new AgentPort(kept.agentPort, {
      running: () => this.running(),
      hung: () => !this.agentListens,
      serve: (client) => channel.serve(client),
    });
    this.agent.listen();
    if (kept.agentStuck) this.agent.stick();
    qemu.qmp.on('event', ({ event, data }) => {
      if (event === 'VSERPORT_CHANGE' && data['id'] === agentId) this.agentListens = data['open'] === true;
    });
  }

  /** Boots; its agent answers after a while. */
  static async boot(hardware: Hardware): Promise<QemuGuest> {
    const { agentPort } = environment;
    const kept = { agentPort, agentListens: false, agentStuck: false };
    const guest = await QemuGuest.start(hardware, { is: 'empty' }, kept);
    await guest.resume();
    return guest;
  }

  /** As its snapshot has it, not running yet. */
  static async restore(hardware: Hardware, memory: Memory, cpu: Buffer): Promise<QemuGuest> {
    const { kept, state } = decode(cpu);
    const guest = await QemuGuest.start(hardware, memory, kept);
    await guest.machine.load(state);
    return guest;
  }

  private static async start(hardware: Hardware, memory: Memory, kept: Kept): Promise<QemuGuest> {
    const qemu = await startQemu(qemuArguments(hardware, memory));
    const guest = new QemuGuest(hardware, qemu, kept);
    for (const { slot } of hardware.devices()) await guest.plugged(slot);
    return guest;
  }

  private running(): Promise<void> {
    return this.runs ? Promise.resolve() : new Promise((resolve) => this.waiting.push(resolve));
  }

  connect(port: number, offer: VsockOffer): void {
    this.agent.connect(port, offer);
  }

  async pause(): Promise<void> {
    this.runs = false;
    await this.qemu.qmp.ask('stop');
  }

  async resume(): Promise<void> {
    await this.qemu.qmp.ask('cont');
    this.runs = true;
    for (const go of this.waiting.splice(0)) go();
  }

  async plugged(slot: number): Promise<void> {
    const device = this.hardware.devices().find((one) => one.slot === slot);
    if (!device) return;
    await this.machine.plug(device);
    if (device.kind === 'net' || device.kind === 'block') this.kinds.set(slot, device.kind);
  }

  async unplugged(slot: number): Promise<void> {
    const kind = this.kinds.get(slot);
    if (kind) await this.machine.unplug(slot, kind);
    this.kinds.delete(slot);
  }

  driveChanged(): void {
    throw new Fault('The engine qemu can not change the file of a drive.');
  }

  async save(): Promise<Saved> {
    const { agentPort } = this.kept;
    const kept = { agentPort, agentListens: this.agentListens, agentStuck: this.agent.hasClient };
    const cpu = encode(kept, await this.machine.save());
    return { cpu, writeMemory: (path, size) => dumpMemory(this.qemu.pid, path, size) };
  }

  resetVsock(): void {
    this.agent.reset();
  }
}
