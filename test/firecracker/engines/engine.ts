/** What a machine's guest is made of: namespaces of this host, or a kernel of its own under QEMU. */
import type { VsockOffer } from '../guest/agent/port.js';
import type { Hardware } from '../guest/hardware.js';

export const engineNames = ['namespaces', 'qemu'] as const;
export type EngineName = (typeof engineNames)[number];

/** What a snapshot's two files keep of a guest. */
export interface Saved {
  /** Goes into the state file, where a real one has its vCPUs; none where the memory has everything. */
  readonly cpu: Buffer | undefined;
  /** Writes `size` bytes of guest memory to a file; errors of the file system are the caller's to word. */
  writeMemory(path: string, size: number): Promise<void>;
}

/** A guest that has booted or was brought back. */
export interface Guest {
  /** A host's CONNECT; answered now, later or never. */
  connect(port: number, offer: VsockOffer): void;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** A device was put into this slot of its bus. */
  plugged(slot: number): void | Promise<void>;
  unplugged(slot: number): void | Promise<void>;
  /** A drive has another backing file. */
  driveChanged(slot: number): void;
  /** Everything a snapshot keeps of it, while it is paused. */
  save(): Promise<Saved>;
  /** A snapshot resets vsock: whoever is connected is connected no more. */
  resetVsock(): void;
}

/** Brings the guest of a snapshot back into a machine, not running yet; `realtime` sets its clock ahead. */
export type Recalled = (hardware: Hardware, realtime: boolean) => Promise<Guest | undefined>;

export interface Engine {
  readonly name: EngineName;
  /** Makes ready, while nobody waits, what any guest needs. */
  warm(): void;
  /** Lets a guest boot; undefined where there is none to be had. */
  boot(hardware: Hardware): Promise<Guest | undefined>;
  /** Reads what a snapshot has kept; undefined where that makes no guest. */
  recall(memoryPath: string, cpu: Buffer): Recalled | undefined;
}
