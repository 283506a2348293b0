import { portTaken, portsUnsupported } from '../../../daemon/api/errors/network.js';
import type { StepKind } from '../../contract.js';
import { addRules, missingRules, removeOwn, type Table } from '../effects/elements.js';
import { lookAtListeners } from '../effects/listeners.js';
import { listenerOn } from '../host/listeners.js';
import { aliasOf } from '../names.js';
import { portElements } from '../port-elements.js';
import { portName, type Ports } from '../ports.js';
import { PortsStep } from '../steps.js';
import type { Mend } from './filter.js';

export interface PortsTools {
  readonly table: Table;
  readonly ports: Ports;
  /** The steps that hold, by NIC. */
  readonly held: Map<string, PortsStep>;
  /** Makes the tables again. */
  readonly mend: Mend;
}

const keyOf = ({ vm, nic }: PortsStep) => `${vm}/${nic}`;

/** Ports of the host that lead to a guest. */
export function portsKind({ table, ports, held, mend }: PortsTools): StepKind<PortsStep> {
  const adopt = (step: PortsStep) => {
    ports.take(step);
    held.set(keyOf(step), step);
  };
  return {
    kind: 'ports',
    schema: PortsStep,
    adopt,
    run: async (step, cx) => {
      const listeners = await lookAtListeners(undefined, cx);
      for (const port of step.ports) {
        // It would go deaf without knowing: new connections would never reach it.
        if (listenerOn(port, listeners))
          throw portTaken({ port: portName(port), by: 'a program of the host’s' });
      }
      const changes = portElements([step]);
      if (!(await addRules({ table, changes }, cx))) {
        await mend(cx);
        if (!(await addRules({ table, changes }, cx))) throw portsUnsupported({ vm: step.vm });
      }
      adopt(step);
    },
    undo: async (step, cx) => {
      held.delete(keyOf(step));
      // Where another VM has the port by now, it stays that one's.
      await removeOwn({ table, changes: portElements([step]), comment: aliasOf(step.vm) }, cx);
      ports.drop(step);
    },
    check: async (step, cx) => {
      const missing = await missingRules({ table, changes: portElements([step]) }, cx);
      return missing.length === 0
        ? []
        : [
            {
              what: `ports of ${step.nic}: ${step.ports.map(portName).join(', ')}`,
              problem: `they lead nowhere: elements are missing in ${missing.join(', ')} of the table "inet thaw"`,
              remedy:
                'Restart thawd, or restore any VM: both make them again; find out who flushed the host’s rules',
            },
          ];
    },
  };
}
