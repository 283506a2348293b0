import type { Faults } from '../faults.js';
import type { Engine, EngineName } from './engine.js';
import { namespacesEngine } from './namespaces.js';
import { qemuEngine } from './qemu/engine.js';

/** The engine of this VMM. */
export function engineNamed(name: EngineName, faults: Faults): Engine {
  switch (name) {
    case 'namespaces':
      return namespacesEngine(faults);
    case 'qemu':
      return qemuEngine();
  }
}
