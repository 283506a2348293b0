/** The engine of namespaces, and none: a VMM whose guest loops. */
import { environment } from '../environment.js';
import type { Faults } from '../faults.js';
import { NamespaceGuest } from '../guest/guest.js';
import { readMemoryFile } from '../guest/memory.js';
import type { Shell } from '../guest/shell.js';
import { log } from '../log.js';
import type { Engine } from './engine.js';

/** Guests whose namespaces are made once; none where the host refuses them, as for an unprivileged VMM. */
export function namespacesEngine(faults: Faults): Engine {
  let making: Promise<Shell | undefined> | undefined;
  const shell = (): Promise<Shell | undefined> =>
    (making ??= environment.guest
      ? NamespaceGuest.shell().catch((error: unknown) => {
          log(`No guest: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, 'Warn');
          return undefined;
        })
      : Promise.resolve(undefined));
  return {
    name: 'namespaces',
    warm: () => void shell(),
    boot: async (hardware) => {
      const found = await shell();
      return found && NamespaceGuest.boot(found, hardware, faults);
    },
    recall: (memoryPath) => {
      const saved = readMemoryFile(memoryPath);
      if (!saved) return undefined;
      return async (hardware, realtime) => {
        const found = await shell();
        if (!found) return undefined;
        const guest = NamespaceGuest.restore(found, hardware, faults, saved);
        guest.setClock(saved.memory, realtime);
        return guest;
      };
    },
  };
}
