import type { z } from 'zod';
import type { BootSource, Drive, MachineConfig, RateLimiter } from '../api/shapes/machine.js';

/** `PUT /boot-source`. */
export type BootSourceWish = z.output<typeof BootSource>;

/** `PUT /drives/{id}`; the path may be relative to the VM's folder. */
export type DriveWish = Drive;

/** `PUT /machine-config`. */
export type MachineWish = z.output<typeof MachineConfig>;

export interface VsockWish {
  readonly guestCid: number;
  /** Relative to the VM's folder, so that clones follow theirs. */
  readonly path: string;
}

/** `PUT /network-interfaces/{id}`: before boot, or a hot-plug. */
export interface NicWish {
  /** Letters, digits and underscores. */
  readonly id: string;
  readonly tap: string;
  readonly mac: string;
  /** Since 1.16; leave it out for older ones. */
  readonly mtu?: number | undefined;
  readonly rxRateLimiter?: RateLimiter | undefined;
  readonly txRateLimiter?: RateLimiter | undefined;
}

/** `PATCH /network-interfaces/{id}`: what is left out stays as it is. */
export type LimitWish = Pick<NicWish, 'id' | 'rxRateLimiter' | 'txRateLimiter'>;

/** `PUT /snapshot/create`, absolute paths. */
export interface CreateWish {
  readonly state: string;
  readonly mem: string;
  /** `Full` where left out. */
  readonly type?: 'Full' | 'Diff' | undefined;
}

/** `PUT /snapshot/load`, absolute paths. The VM stays Paused. */
export interface LoadWish {
  readonly state: string;
  readonly mem: string;
  /** The snapshot's id: names it in errors. */
  readonly snapshot?: string | undefined;
  /** Another vsock path than the snapshot's; since 1.16. */
  readonly vsockPath?: string | undefined;
  /** More keys, a strategy's: `network_overrides`. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}
