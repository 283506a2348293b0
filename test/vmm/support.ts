import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { Test } from 'tap';
import { launchVmm } from '../../daemon/vmm/launcher.js';
import { VmmApi } from '../../daemon/vmm/api.js';
import type { VmmProcess } from '../../daemon/vmm/process.js';
import type { Context } from '../../plugins/contract.js';
import { bin } from '../support/paths.js';

/** Nobody watches, nothing is cancelled. */
export const cx: Context = { signal: new AbortController().signal, probe: { effect: () => undefined } };

/** The same with an end. */
export const until = (signal: AbortSignal): Context => ({ ...cx, signal });
export const upTo = (milliseconds: number): Context => until(AbortSignal.timeout(milliseconds));

export const standIn = bin('firecracker');

/** A folder with a path short enough for sockets; gone with the test. */
export function folder(t: Test): string {
  const dir = mkdtempSync('/tmp/thaw-vmm-');
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

let count = 0;

export interface Started {
  readonly process: VmmProcess;
  readonly api: VmmApi;
  readonly dir: string;
}

/** A stand-in whose API socket answers; ended with the test, whatever became of it. */
export async function start(
  t: Test,
  env: Record<string, string> = {},
  more: { dir?: string; pci?: boolean } = {},
): Promise<Started> {
  const dir = more.dir ?? folder(t);
  const vm = `vm-${String((count += 1)).padStart(10, '0')}`;
  const surroundings = { FIRECRACKER_STANDIN_TIMING: '0', ...env };
  const wish = { vm, binary: standIn, dir, enablePci: more.pci ?? true, env: surroundings };
  const process = await launchVmm(wish, cx);
  const api = new VmmApi({ vm, socketPath: process.apiSocket, process });
  t.teardown(async () => {
    api.close();
    await process.end(1_000, cx);
    if (existsSync(`/proc/${process.pid}`)) throw new Error('the VMM is still there');
  });
  await process.waitForSocket(cx);
  return { process, api, dir };
}

/** Brings a VM up to `InstanceStart`. */
export async function boot({ api }: Started): Promise<void> {
  await api.putBootSource({ kernel_image_path: standIn }, cx);
  await api.putMachineConfig({ vcpu_count: 1, mem_size_mib: 16 }, cx);
  await api.putVsock({ guestCid: 3, path: 'v.sock' }, cx);
  await api.start(cx);
}

/** Keeps the process from ending while all it waits for is unreferenced. */
export function stayAlive(t: Test): void {
  const timer = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(timer));
}

/** The error with which a promise rejects. */
export async function failure(promise: Promise<unknown>): Promise<{ reason: string; message: string }> {
  try {
    await promise;
  } catch (error) {
    const reason = error instanceof Error && 'reason' in error ? String(error.reason) : String(error);
    return { reason, message: error instanceof Error ? error.message : '' };
  }
  return { reason: 'nothing failed', message: '' };
}
