import type { StepKind } from '../../contract.js';
import type { Leases } from '../leases.js';
import { LeaseStep } from '../steps.js';

/** Address and MAC held for a NIC. All in memory: the VM's record is what makes it last. */
export function leaseKind(leases: Leases): StepKind<LeaseStep> {
  const adopt = (step: LeaseStep) => {
    leases.take(step);
  };
  return {
    kind: 'lease',
    schema: LeaseStep,
    adopt,
    run: (step) => {
      adopt(step);
      return Promise.resolve();
    },
    undo: (step) => {
      leases.drop(step);
      return Promise.resolve();
    },
    check: (step) =>
      Promise.resolve(
        leases.holds(step)
          ? []
          : [
              {
                what: `lease ${step.addresses.join(', ')}`,
                problem: `it is not held for ${step.nic} of ${step.vm}`,
                remedy:
                  'The network it came from was changed or removed in the configuration: restore a fresh clone',
              },
            ],
      ),
  };
}
