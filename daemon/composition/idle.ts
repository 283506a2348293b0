import type { ScrapeServer } from '../effects/scrape-server.js';
import type { RpcServer } from '../rpc/server.js';
import { IdleExit } from '../systemd/idle-exit.js';
import type { Vm } from '../vms/vm.js';
import type { Clones } from './clones.js';
import { closed, type Lifetime } from './lifetime.js';

/** Whether a VM is promised something that only a daemon can keep: its end in time, or with its container. */
const isPromised = ({ record }: Vm): boolean => record.expiresAt !== null || record.container !== null;

interface Parts extends Omit<Clones, 'scrapes'> {
  readonly server: RpcServer;
  readonly scrapes: ScrapeServer | null;
  /** Whether the daemon's end is that of its VMs. */
  readonly stopVms: boolean;
  readonly exit: () => void;
}

/** Lets the daemon end while it is idle, where the configuration says so and systemd listens on. */
export async function openIdleExit(life: Lifetime, parts: Parts): Promise<void> {
  const { config, handed, log, registry, operations, server, scrapes, stopVms, exit } = parts;
  const seconds = config.socket.idleExitSeconds;
  if (seconds === 0) return;
  if (!handed.has('api')) {
    log.warn({ seconds }, 'no idle exit: nobody would start thawd again, its socket is not systemd’s');
    return;
  }
  const isNeeded = (): boolean => registry.visible().some((vm) => stopVms || isPromised(vm));
  const stir = () => ({
    taken: server.taken + (scrapes?.taken ?? 0),
    busy: server.connections + (scrapes?.connections ?? 0) + operations.running > 0 || isNeeded(),
  });
  const idle = { seconds, stir, leave: () => server.leave(), exit };
  await life.open('idle exit', () => new IdleExit(idle), closed);
}
