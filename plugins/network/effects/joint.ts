import { tapNotReady } from '../../../daemon/api/errors/network.js';
import { effect, look } from '../../contract.js';
import type { VmId } from '../../../daemon/api/shapes/ids.js';
import { vmOfAlias } from '../names.js';
import { changeLink } from '../netlink/link-requests.js';
import { addIngress, redirect } from '../netlink/traffic.js';
import type { Namespace } from './namespace.js';
import { deleteLinks } from './route.js';
import { ensureTapInside } from './tap-inside.js';

export interface Joint {
  readonly namespace: Namespace;
  readonly vm: VmId;
  readonly tap: string;
  /** The interface in the namespace whose place the guest takes: its MAC, its addresses. */
  readonly link: string;
  readonly mtu: number;
}

/**
 * Makes a tap in a VM's namespace and joins it to an interface there: what comes in at one goes out at the other, frame
 * by frame, past the namespace's own network. One synchronous stretch.
 * @throws tapNotReady, systemCallFailed
 */
export const joinTap = effect('joint.make', ({ namespace, vm, tap: name, link, mtu }: Joint) => {
  namespace.routing((route) => {
    const other = route.link(link);
    if (!other) throw tapNotReady({ tap: name, why: `there is no ${link} in its namespace` });
    ensureTapInside({ namespace, route, name, vm });
    route.change(`setting up ${name}`, [changeLink(name, { mtu, up: true }), changeLink(link, { up: true })]);
    const made = route.link(name);
    if (!made) throw tapNotReady({ tap: name, why: 'somebody removes links in its namespace' });
    route.change(`joining ${name} to ${link}`, [
      addIngress(made.index),
      redirect(made.index, other.index),
      addIngress(other.index),
      redirect(other.index, made.index),
    ]);
  });
});

/** Takes a VM's tap out of a namespace that lives on. */
export const unmakeTap = effect(
  'joint.unmake',
  async ({ namespace, vm, tap: name }: Pick<Joint, 'namespace' | 'vm' | 'tap'>) => {
    const tap = namespace.routing((route) => route.link(name));
    if (tap && vmOfAlias(tap.alias) === vm) await namespace.inside(() => deleteLinks([tap.index]));
  },
);

/** What is not as {@link joinTap} left it, each as a phrase; and whether somebody has the tap open. */
export const lookAtJoint = look(
  'joint.look',
  ({ namespace, tap: name, link }: Pick<Joint, 'namespace' | 'tap' | 'link'>) =>
    namespace.routing((route) => {
      const [tap, other] = [route.link(name), route.link(link)];
      const problems = [
        ...(tap ? [] : ['it is gone']),
        ...(tap?.tap?.persistent === false ? ['it goes with the process that has it open'] : []),
        ...(tap && !tap.up ? ['it is down'] : []),
        ...(other ? (other.up ? [] : [`${link} is down`]) : [`${link}, to which it is joined, is gone`]),
      ];
      return { problems, busy: tap?.carrier === true };
    }),
);
