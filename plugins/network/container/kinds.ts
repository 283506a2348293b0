import {
  stepKind,
  type ContainerSpace,
  type Difference,
  type StepKind,
  type StepKinds,
} from '../../contract.js';
import { addressCord, openSpace, unvacate, vacate } from '../effects/container.js';
import { layUplink } from '../effects/inner.js';
import { LinkName } from '../../../daemon/api/shapes/ids.js';
import type { LinkRemover } from '../effects/remover.js';
import { lookAtTap, type Route } from '../effects/route.js';
import { removeTap } from '../effects/tap.js';
import type { Namespaces } from '../netns/namespaces.js';
import { CordStep, VacateStep } from './steps.js';

export interface ContainerTools {
  readonly route: Route;
  readonly remover: LinkRemover;
  readonly namespaces: Namespaces;
}

/** What a cable's end in a container is called. */
const peer = LinkName.parse('thaw0');

function cordKind({ route, remover }: ContainerTools): StepKind<CordStep> {
  const held = async (space: ContainerSpace, work: (at: ReturnType<typeof openSpace>) => Promise<void>) => {
    const namespace = openSpace(space);
    try {
      await work(namespace);
    } finally {
      namespace.close();
    }
  };
  return {
    kind: 'cord',
    schema: CordStep,
    run: (step, cx) =>
      held(step.space, async (namespace) => {
        const { vm, nic, name, bridge, mac, mtu } = step;
        const cable = { kind: 'uplink', vm, nic, name, bridge, peer, mac, mtu, isolated: false } as const;
        await layUplink({ route, namespace, step: cable }, cx);
        await addressCord({ namespace, peer, step }, cx);
      }),
    // Both ends go at once; with the container's namespace they are gone already.
    undo: ({ name, vm }, cx) => removeTap({ route, remover, name, vm }, cx),
    check: async ({ name, bridge, vm }, cx): Promise<readonly Difference[]> => {
      const { link } = await lookAtTap({ route, name, bridge }, cx);
      if (link) return [];
      const remedy = 'The clone is released when its container has ended; else restore a fresh one';
      return [{ what: `cable ${name} of ${vm}`, problem: 'it went with its container', remedy }];
    },
  };
}

function vacateKind({ namespaces }: ContainerTools): StepKind<VacateStep> {
  return {
    kind: 'vacate',
    schema: VacateStep,
    run: (step, cx) => vacate({ namespace: namespaces.of(step.vm), step }, cx),
    undo: async (step, cx) => {
      const namespace = namespaces.find(step.vm);
      if (namespace) await unvacate({ namespace, step }, cx);
    },
    check: () => Promise.resolve([]),
  };
}

/** The step kinds of VMs that belong to containers. */
export function containerKinds(tools: ContainerTools): StepKinds {
  return { cord: stepKind(cordKind(tools)), vacate: stepKind(vacateKind(tools)) };
}
