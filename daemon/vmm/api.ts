import type { z } from 'zod';
import type { Context } from '../../plugins/contract.js';
import { vmmRefused } from '../api/errors/vmm.js';
import type { VmmCallName } from '../effects/vmm-calls.js';
import { VmmConfig, VmmDescription, VmmVersion, parse } from './answers.js';
import { VmmConversation, type Ask, type VmmAddress } from './conversation.js';
import type {
  BootSourceWish,
  CreateWish,
  DriveWish,
  LimitWish,
  LoadWish,
  MachineWish,
  NicWish,
  VsockWish,
} from './wishes.js';

/** How long a call may take, in milliseconds; a snapshot's memory is written and synced before its answer. */
const deadlines = { look: 5_000, change: 10_000, start: 30_000, load: 60_000, create: 600_000 } as const;

/**
 * The one owner of the API connection to one Firecracker: kept open, one call at a time. Each call is an effect or a
 * look named `vmm.<verb>`. All throw vmmRefused or what explains it better (see `faults.ts`), vmmDied, vmmSilent.
 */
export class VmmApi {
  readonly vm: string;
  readonly #conversation: VmmConversation;
  readonly #listeners = new Set<() => void>();

  /** Connects at the first call. */
  constructor(address: VmmAddress) {
    this.vm = address.vm;
    this.#conversation = new VmmConversation(address, () => {
      for (const listener of this.#listeners) listener();
    });
  }

  /** Calls back when Firecracker closes the kept connection, which it does by ending; a hint, not a proof. */
  onClose(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets go of the connection; the VMM goes on. */
  close(): void {
    this.#listeners.clear();
    this.#conversation.close();
  }

  async describe(cx: Context): Promise<VmmDescription> {
    return await this.#look({ name: 'describe', path: '/', shape: VmmDescription }, cx);
  }

  async version(cx: Context): Promise<string> {
    const answer = await this.#look({ name: 'version', path: '/version', shape: VmmVersion }, cx);
    return answer.firecracker_version;
  }

  /** The effective configuration, hot-plugged devices included. */
  async config(cx: Context): Promise<VmmConfig> {
    return await this.#look({ name: 'config', path: '/vm/config', shape: VmmConfig }, cx);
  }

  async putBootSource(source: BootSourceWish, cx: Context): Promise<void> {
    await this.#put({ name: 'putBootSource', path: '/boot-source', json: source }, cx);
  }

  async putDrive(drive: DriveWish, cx: Context): Promise<void> {
    await this.#put({ name: 'putDrive', path: `/drives/${drive.drive_id}`, json: drive }, cx);
  }

  async putMachineConfig(machine: MachineWish, cx: Context): Promise<void> {
    await this.#put({ name: 'putMachineConfig', path: '/machine-config', json: machine }, cx);
  }

  async putVsock({ guestCid, path }: VsockWish, cx: Context): Promise<void> {
    const json = { guest_cid: guestCid, uds_path: path };
    await this.#put({ name: 'putVsock', path: '/vsock', json }, cx);
  }

  async putEntropy(entropy: Readonly<Record<string, unknown>>, cx: Context): Promise<void> {
    await this.#put({ name: 'putEntropy', path: '/entropy', json: entropy }, cx);
  }

  /**
   * A NIC before boot, or a hot-plug, legal while Paused. With CAP_NET_ADMIN Firecracker silently creates a tap that
   * is missing: verify it first. What it answers proves nothing about the guest.
   * @throws tapBusy, noPci, macTaken, tooManyNics, tapNotReady
   */
  async putNic(nic: NicWish, cx: Context): Promise<void> {
    const json = {
      iface_id: nic.id,
      host_dev_name: nic.tap,
      guest_mac: nic.mac,
      mtu: nic.mtu,
      rx_rate_limiter: nic.rxRateLimiter,
      tx_rate_limiter: nic.txRateLimiter,
    };
    const hints = { tap: nic.tap, mac: nic.mac };
    await this.#put({ name: 'putNic', path: `/network-interfaces/${nic.id}`, json, hints }, cx);
  }

  /** Other rate limits for a NIC that is there. */
  async patchNic({ id, rxRateLimiter, txRateLimiter }: LimitWish, cx: Context): Promise<void> {
    const json = { iface_id: id, rx_rate_limiter: rxRateLimiter, tx_rate_limiter: txRateLimiter };
    await this.#put({ name: 'patchNic', method: 'PATCH', path: `/network-interfaces/${id}`, json }, cx);
  }

  /** Hot-unplug. From then on every NIC attached to this VM, and to clones of its snapshots, is dead in the guest. */
  async deleteNic(id: string, cx: Context): Promise<void> {
    const path = `/network-interfaces/${id}`;
    await this.#conversation.call(
      { name: 'deleteNic', method: 'DELETE', path, within: deadlines.change, abandon: false },
      cx,
    );
  }

  async start(cx: Context): Promise<void> {
    const json = { action_type: 'InstanceStart' };
    await this.#put({ name: 'start', path: '/actions', json, within: deadlines.start }, cx);
  }

  async pause(cx: Context): Promise<void> {
    await this.#put({ name: 'pause', method: 'PATCH', path: '/vm', json: { state: 'Paused' } }, cx);
  }

  async resume(cx: Context): Promise<void> {
    await this.#put({ name: 'resume', method: 'PATCH', path: '/vm', json: { state: 'Resumed' } }, cx);
  }

  /** Writes state and memory and syncs both; the VM must be Paused. Once asked, its end is awaited. @throws diskFull */
  async createSnapshot({ state, mem, type = 'Full' }: CreateWish, cx: Context): Promise<void> {
    const json = { snapshot_path: state, mem_file_path: mem, snapshot_type: type };
    const hints = { dir: state.slice(0, state.lastIndexOf('/')) };
    const within = deadlines.create;
    await this.#put({ name: 'createSnapshot', path: '/snapshot/create', json, within, hints }, cx);
  }

  /**
   * Loads a snapshot and leaves the VM Paused. After any failure the process is unusable, and as a rule ends by itself.
   * @throws snapshotDamaged (where `snapshot` is named), tapBusy, fileMissing (a drive), vsockPathTaken
   */
  async loadSnapshot(wish: LoadWish, cx: Context): Promise<void> {
    const { state, mem, vsockPath, extra } = wish;
    const json = {
      ...extra,
      snapshot_path: state,
      mem_backend: { backend_type: 'File', backend_path: mem },
      resume_vm: false,
      vsock_override: vsockPath === undefined ? undefined : { uds_path: vsockPath },
    };
    const [hints, within] = [{ snapshot: wish.snapshot }, deadlines.load];
    await this.#put({ name: 'loadSnapshot', path: '/snapshot/load', json, within, abandon: true, hints }, cx);
  }

  async #look<T extends z.ZodType>(
    { name, path, shape }: { name: VmmCallName; path: string; shape: T },
    cx: Context,
  ): Promise<z.output<T>> {
    const within = deadlines.look;
    const { status, body } = await this.#conversation.call(
      { name, method: 'GET', path, within, abandon: true },
      cx,
    );
    const answer = shape.safeParse(parse(body));
    if (answer.success) return answer.data;
    const fault = `an answer of another shape: ${body.slice(0, 200)}`;
    throw vmmRefused({ vm: this.vm, call: `GET ${path}`, status, fault }, { cause: answer.error });
  }

  async #put(
    { json, ...ask }: Partial<Ask> & { name: VmmCallName; path: string; json: unknown },
    cx: Context,
  ): Promise<void> {
    const body = JSON.stringify(json);
    const standard = { method: 'PUT', within: deadlines.change, abandon: false } as const;
    await this.#conversation.call({ ...standard, ...ask, body }, cx);
  }
}
