import { stepKind, type StepKind, type StepKinds } from '../../contract.js';
import { dropNamespace, giveNamespace, layUplink, lookAtInner, makeInner } from '../effects/inner.js';
import type { LinkRemover } from '../effects/remover.js';
import { lookAtTap, type Route } from '../effects/route.js';
import { removeTap } from '../effects/tap.js';
import type { Namespaces } from '../netns/namespaces.js';
import { innerDifferences, namespaceDifference, uplinkDifferences } from '../netns/state.js';
import { InnerStep, NetnsStep, UplinkStep } from '../netns/steps.js';

export interface NetnsTools {
  readonly route: Route;
  readonly remover: LinkRemover;
  readonly namespaces: Namespaces;
  /** The `inner` steps that hold, by {@link innerKey}. */
  readonly inner: Map<string, InnerStep>;
}

/** Taps in namespaces have the names of the snapshot: the same for all clones. */
export const innerKey = (vm: string, tap: string): string => `${vm}/${tap}`;

function netnsKind({ namespaces }: NetnsTools): StepKind<NetnsStep> {
  return {
    kind: 'netns',
    schema: NetnsStep,
    adopt: ({ vm, of }) => namespaces.adopt(vm, of),
    run: ({ vm, plain = false, of }, cx) => giveNamespace({ namespaces, vm, plain, of }, cx),
    undo: ({ vm }, cx) => dropNamespace({ namespaces, vm }, cx),
    check: ({ vm }) => Promise.resolve(namespaces.find(vm) ? [] : [namespaceDifference(vm)]),
  };
}

function uplinkKind({ route, remover, namespaces }: NetnsTools): StepKind<UplinkStep> {
  return {
    kind: 'uplink',
    schema: UplinkStep,
    run: (step, cx) => layUplink({ route, namespace: namespaces.of(step.vm), step }, cx),
    // Both ends go at once, and at once: the namespace itself the kernel takes down when it has time.
    undo: ({ name, vm }, cx) => removeTap({ route, remover, name, vm }, cx),
    check: async (step, cx) => {
      return uplinkDifferences(step, await lookAtTap({ ...step, route }, cx));
    },
  };
}

function innerKind({ namespaces, inner }: NetnsTools): StepKind<InnerStep> {
  return {
    kind: 'inner',
    schema: InnerStep,
    adopt: (step) => {
      inner.set(innerKey(step.vm, step.tap), step);
    },
    run: async (step, cx) => {
      await makeInner({ namespace: namespaces.of(step.vm), step }, cx);
      inner.set(innerKey(step.vm, step.tap), step);
    },
    // What it has made is in the namespace, and goes with that.
    undo: (step) => {
      inner.delete(innerKey(step.vm, step.tap));
      return Promise.resolve();
    },
    check: async (step, cx) => {
      const namespace = namespaces.find(step.vm);
      // Without the namespace its own step has something to say.
      return namespace ? innerDifferences(step, await lookAtInner({ namespace, step }, cx)) : [];
    },
  };
}

/** The step kinds of VMs that live in a network namespace of their own. */
export function netnsKinds(tools: NetnsTools): StepKinds {
  return {
    netns: stepKind(netnsKind(tools)),
    uplink: stepKind(uplinkKind(tools)),
    inner: stepKind(innerKind(tools)),
  };
}
