/** Creating and loading snapshots, with Firecracker's order of steps and its errors (src/vmm/src/persist.rs). */
import fs from 'node:fs';
import type * as bodies from '../api/bodies.js';
import type { Engine, EngineName, Recalled } from '../engines/engine.js';
import { FatalFault, Fault } from '../errors.js';
import type { Faults } from '../faults.js';
import { writeMemoryFile } from '../guest/memory.js';
import { ioErrorText } from '../native/errno.js';
import type { Version } from '../versions.js';
import { closeDrive, closeNic, makeDrive, makeNic } from './devices.js';
import { PciBus } from './pci-bus.js';
import { RunningMachine } from './running.js';
import { encodeState, type MachineState, readStateFile, type State } from './state-file.js';
import { VsockDevice } from './vsock.js';

const MIB = 1024 * 1024;

/** Writes both files. */
export async function createSnapshot(
  machine: RunningMachine,
  params: bodies.CreateSnapshot,
  engine: EngineName,
): Promise<void> {
  if (machine.state === 'Running') {
    throw new Fault(
      'Create snapshot error: Cannot save the microVM state: Operation not allowed: save/restore unavailable while running',
    );
  }
  const { state, guest } = await machine.save(engine);
  const bytes = encodeState(state, machine.parts.version, guest?.cpu);
  await step('open', 'snapshot', () =>
    fs.promises.writeFile(params.snapshot_path, bytes, { flush: true, mode: 0o644 }),
  );
  const size = state.machine.mem_size_mib * MIB;
  await step('open', 'memory', () =>
    guest
      ? guest.writeMemory(params.mem_file_path, size)
      : writeMemoryFile(params.mem_file_path, size, undefined),
  );
  machine.snapshotTaken();
}

async function step(what: string, file: 'snapshot' | 'memory', work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new Fault(
      `Create snapshot error: Cannot perform ${what} on the ${file} backing file: ${ioErrorText(error)}`,
    );
  }
}

interface Context {
  readonly version: Version;
  readonly faults: Faults;
  readonly engine: Engine;
}

/** A load that fails in here has ruined the process (fact 6). */
export async function loadSnapshot(params: bodies.LoadSnapshot, context: Context): Promise<RunningMachine> {
  try {
    return await load(params, context);
  } catch (error) {
    if (error instanceof Fault) {
      throw new FatalFault(`Load snapshot error: Failed to restore from snapshot: ${error.message}`);
    }
    throw error;
  }
}

async function load(
  params: bodies.LoadSnapshot,
  { version, faults, engine }: Context,
): Promise<RunningMachine> {
  const { state, cpu } = prefixed('Failed to get snapshot state from file: ', () => {
    const read = readStateFile(params.snapshot_path, version);
    applyOverrides(read.state, params);
    return read;
  });
  state.machine = {
    ...state.machine,
    track_dirty_pages: params.track_dirty_pages || params.enable_diff_snapshots,
  };
  const recalled = recallGuest({ state, cpu }, params, engine);
  const restored = await restoreDevices(state, version, faults);
  if (recalled) await restored.restore(recalled, params.clock_realtime);
  return restored;
}

function prefixed<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Fault ? new Fault(prefix + error.message) : error;
  }
}

function applyOverrides(state: MachineState, params: bodies.LoadSnapshot): void {
  for (const { iface_id, host_dev_name } of params.network_overrides) {
    const nic = state.nics.find((one) => one.config.iface_id === iface_id);
    if (!nic) throw new Fault('Unknown Network Device.');
    nic.config.host_dev_name = host_dev_name;
  }
  if (params.vsock_override) {
    if (!state.vsock) throw new Fault('Unknown Vsock Device.');
    state.vsock.config.uds_path = params.vsock_override.uds_path;
  }
}

function recallGuest(
  { state, cpu }: State,
  params: bodies.LoadSnapshot,
  engine: Engine,
): Recalled | undefined {
  const prefix = 'Failed to load guest memory: Error creating guest memory from ';
  if (params.mem_backend?.backend_type === 'Uffd') {
    throw new Fault(`${prefix}uffd: a page fault handler is not simulated`);
  }
  const path = params.mem_backend?.backend_path ?? params.mem_file_path ?? '';
  try {
    const { size } = fs.statSync(path);
    if (size < state.machine.mem_size_mib * MIB) {
      throw new Fault(
        'Failed to restore guest memory: Total sum of memory regions exceeds largest possible file offset',
      );
    }
    if (state.engine === null) return undefined;
    if (state.engine !== engine.name) {
      throw new Fault(`this guest ran on the stand-in's engine ${state.engine}, and here is ${engine.name}`);
    }
    return engine.recall(path, cpu);
  } catch (error) {
    if (error instanceof Fault) throw new Fault(`${prefix}file: ${error.message}`);
    throw new Fault(`${prefix}file: Failed to load guest memory: ${ioErrorText(error)}`);
  }
}

/** In Firecracker's order: drives, NICs, vsock; what a failure leaves open goes with the process. */
async function restoreDevices(
  state: MachineState,
  version: Version,
  faults: Faults,
): Promise<RunningMachine> {
  const bus = new PciBus(state.unplugs);
  const undo: (() => void)[] = [];
  try {
    const drives = state.drives.map((drive) => {
      const device = prefixed('Block: ', () => makeDrive(drive.config));
      undo.push(() => closeDrive(device));
      return { ...device, ...bus.put(drive) };
    });
    const nics = state.nics.map((nic) => {
      const device = prefixed('Net: Failed to create a network device: ', () => makeNic(nic.config));
      undo.push(() => closeNic(device));
      return { ...device, ...bus.put(nic) };
    });
    const vsock = state.vsock
      ? { device: await bindVsock(state.vsock.config, faults), ...bus.put(state.vsock) }
      : undefined;
    return new RunningMachine({
      version,
      faults,
      machine: state.machine,
      bootSource: state.bootSource,
      pci: state.pci,
      bus,
      drives,
      nics,
      vsock,
      balloon: state.balloon ? { ...bus.put(state.balloon), config: state.balloon.config } : undefined,
      entropy: state.entropy ? { ...bus.put(state.entropy), config: state.entropy.config } : undefined,
      mmds: null,
    });
  } catch (error) {
    for (const close of undo) close();
    if (!(error instanceof Fault)) throw error;
    const transport = state.pci ? 'PCI' : 'MMIO';
    throw new Fault(
      `Failed to build microVM from snapshot: Failed to restore devices: Error restoring ${transport} devices: ${error.message}`,
    );
  }
}

async function bindVsock(
  config: { guest_cid: number; uds_path: string },
  faults: Faults,
): Promise<VsockDevice> {
  try {
    return await VsockDevice.bind(config, faults);
  } catch (error) {
    throw error instanceof Fault ? new Fault(`VsockUnixBackend: ${error.message}`) : error;
  }
}
