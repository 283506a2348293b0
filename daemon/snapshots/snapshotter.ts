import { internal } from '../api/errors/rpc.js';
import { driveNotPortable, fitnessUnknown, nicPresent } from '../api/errors/snapshot.js';
import type { CheckedParamsOf } from '../api/index.js';
import { FileFact, type Manifest } from '../api/shapes/snapshot.js';
import type { SnapshotId } from '../api/shapes/ids.js';
import { fileProve, type FoundFile } from '../effects/files.js';
import type { HostFacts } from '../effects/host.js';
import type { ThawError } from '../api/thaw-error.js';
import type { VmRecord } from '../records/vm-record.js';
import type { EventHub } from '../events/hub.js';
import { newSnapshotId } from '../operations/ids.js';
import { asThawError, type Operation, type StepListener } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import type { Moments } from '../plugins/moments.js';
import type { Unsealed } from '../steps/snapshot.js';
import type { VmmConfig } from '../vmm/answers.js';
import type { Fleet } from '../vmm/fleet.js';
import { Claims } from '../vms/claims.js';
import type { Health } from '../vms/health.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Vm } from '../vms/vm.js';
import type { Context, SnapshotTold } from '../../plugins/contract.js';
import type { Catalog } from './catalog.js';
import { fitnessOf } from './fitness.js';
import { factsOf } from './view.js';
import { manifestDrives, manifestNics, planSnapshot, type SnapshotFacts } from './plan.js';

export interface SnapshotterParts {
  readonly catalog: Catalog;
  /** Where the draft of a snapshot grows. */
  readonly draftDir: (id: SnapshotId) => string;
  readonly fleet: Fleet;
  readonly health: Health;
  readonly host: HostFacts;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
  readonly events: EventHub;
  readonly moments: Moments;
}

export interface SnapshotOrder extends Pick<
  CheckedParamsOf<'snapshot.create'>,
  'name' | 'labels' | 'keepNics' | 'verify'
> {
  readonly signal: AbortSignal;
  readonly follow?: ((of: { vm: string; operation: string }) => StepListener) | undefined;
}

/** Takes snapshots of VMs, running or paused. */
export class Snapshotter {
  readonly #parts: SnapshotterParts;

  constructor(parts: SnapshotterParts) {
    this.#parts = parts;
  }

  /**
   * Takes one, whole or not at all; the source goes on as before. Where it fails, the error tells the source's state.
   * @throws nicPresent, fitnessUnknown, driveNotPortable, fileMissing, fileReplaced, nameTaken, and what its failing step threw
   */
  async create(vm: Vm, order: SnapshotOrder): Promise<Manifest> {
    const { catalog, operations, lifecycle, events, moments } = this.#parts;
    const id = vm.record.reservedSnapshot ?? newSnapshotId();
    const operation = operations.begin({
      method: 'snapshot.create',
      vm: vm.id,
      name: vm.name,
      snapshot: id,
      signal: order.signal,
    });
    if (order.follow) operation.follow(order.follow({ vm: vm.id, operation: operation.id }));
    const claims = new Claims();
    let facts: SnapshotFacts;
    try {
      // Held from here on: what is decided on must not change until it is done.
      vm.claim(operation);
      if (order.name !== undefined) {
        const { name } = order;
        catalog.takeName(name, id);
        claims.note(() => catalog.freeName(name, id));
      }
      facts = await this.#decide(vm, { id, order, operation });
    } catch (thrown) {
      claims.giveBack();
      throw operation.refuse(thrown);
    }
    const told = (detail: SnapshotTold['detail'] = {}) => ({
      of: id,
      facts: () => ({ operation: operation.id, snapshot: factsOf(facts.manifest), detail }),
    });
    await moments.tell('snapshot.creating', { ...told(), cx: operation.cx });
    const taken: Manifest[] = [];
    try {
      await lifecycle.change(vm, {
        operation,
        steps: planSnapshot(facts),
        makes: false,
        commit: (answers) => {
          taken.push({ ...facts.manifest, files: FileFact.array().parse(answers.get('publish')) });
          return { reservedSnapshot: null };
        },
        undone: async (_left, cx) => {
          await this.#parts.health.lookAt(vm, cx);
          return {};
        },
      });
    } catch (thrown) {
      claims.giveBack();
      const error = asThawError(thrown);
      await moments.tell('snapshot.failed', told({ reason: error.reason, message: error.message }));
      throw tellSource(vm, error);
    }
    const [manifest] = taken;
    if (!manifest) throw internal({ what: 'a snapshot was committed without a manifest' });
    catalog.add(manifest);
    events.emit({ type: 'snapshot.created', snapshot: id, vm: vm.id, operation: operation.id });
    await moments.tell('snapshot.created', told());
    return manifest;
  }

  async #decide(
    vm: Vm,
    { id, order, operation }: { id: SnapshotId; order: SnapshotOrder; operation: Operation },
  ): Promise<SnapshotFacts> {
    const { fleet, draftDir } = this.#parts;
    const { cx } = operation;
    const api = fleet.api(vm.id);
    const config = await api.config(cx);
    const { state } = await api.describe(cx);
    const nics = config['network-interfaces'];
    if (nics.length > 0 && !order.keepNics) {
      throw nicPresent({ vm: vm.name, nics: nics.map((nic) => nic.iface_id) });
    }
    for (const { drive_id: drive, path_on_host: path, is_read_only: readOnly } of config.drives) {
      if (path?.startsWith('/') && readOnly !== true) throw driveNotPortable({ vm: vm.name, drive, path });
    }
    const manifest = await this.#manifest(vm, { id, order, config, cx });
    const { is, reason } = manifest.hotAttach;
    if (is === 'unknown' && !order.verify) throw fitnessUnknown({ vm: vm.name, why: reason });
    // Verified before it is published: by the time that anybody reads it, it is true.
    const proven = { is: 'yes', reason: 'a throw-away clone’s guest confirmed a NIC' } as const;
    return {
      vm: { id: vm.id, dir: vm.dir },
      snapshot: id,
      draft: draftDir(id),
      wasRunning: state === 'Running',
      drives: vm.record.drives,
      verify: order.verify && is !== 'no',
      keepNics: order.keepNics,
      manifest: order.verify && is !== 'no' ? { ...manifest, hotAttach: proven } : manifest,
    };
  }

  async #manifest(
    vm: Vm,
    { id, order, config, cx }: { id: SnapshotId; order: SnapshotOrder; config: VmmConfig; cx: Context },
  ): Promise<Unsealed> {
    const { host, fleet, catalog } = this.#parts;
    const { record } = vm;
    const nics = config['network-interfaces'];
    const parent = record.snapshot === null ? null : catalog.find(record.snapshot);
    const { snapshotFormat } = await fleet.capabilities(cx);
    return {
      version: 1,
      id,
      name: order.name ?? null,
      createdAt: Date.now(),
      source: { vm: vm.id, name: vm.name, origin: record.origin },
      parent: record.snapshot,
      vmm: { version: record.vmmVersion, snapshotFormat },
      host: { ...host },
      machine: record.machine,
      pci: record.pci,
      everUnplugged: record.everUnplugged,
      hotAttach: fitnessOf({
        origin: record.origin,
        pci: record.pci,
        everUnplugged: record.everUnplugged,
        nics: nics.length,
        parent: parent && parent.nics.length === 0 ? parent.hotAttach : null,
      }),
      nics: manifestNics(nics, record.attachments),
      drives: manifestDrives(record.drives, await sharedFiles(record.drives, cx)),
      vsock: record.vsock,
      agent: record.agent,
      generation: record.generation,
      labels: order.labels,
    };
  }
}

/**
 * Proves, before the source is disturbed, that the files of its drives are those which the VMM has open.
 * @returns those of drives that stay where they are
 * @throws fileMissing, fileReplaced
 */
async function sharedFiles(drives: VmRecord['drives'], cx: Context): Promise<ReadonlyMap<string, FoundFile>> {
  const shared = new Map<string, FoundFile>();
  for (const { id, file: path, readOnly, inode } of drives) {
    if (!readOnly && !inode) continue;
    const found = await fileProve({ path, what: 'drive', write: false, inode }, cx);
    if (readOnly) shared.set(id, found);
  }
  return shared;
}

/** Adds to an error what became of the source. */
function tellSource(vm: Vm, error: ThawError): ThawError {
  const { word, power, readiness } = vm.view();
  return error.adding(`The source ${vm.name} is ${word}`, {
    source: { word, power: power.is, readiness: readiness.is },
  });
}
