import { tapNotReady } from '../../../daemon/api/errors/network.js';
import { containerSpaceGone } from '../../../daemon/api/errors/container.js';
import { effect, look, type ContainerSpace } from '../../contract.js';
import type { CordStep, VacateStep } from '../container/steps.js';
import type { ContainerSight } from '../container/link.js';
import { parseAddress } from '../ipv4.js';
import { parseAddress6 } from '../ipv6.js';
import { vmOfAlias } from '../names.js';
import { addAddress, deleteAddress } from '../netlink/address.js';
import { addAddress6, deleteAddress6 } from '../netlink/address6.js';
import { changeLink, deleteLink } from '../netlink/link-requests.js';
import { addRoute } from '../netlink/route-requests.js';
import { deleteIngress } from '../netlink/traffic.js';
import { Namespace } from './namespace.js';

const mainTable = 254;

/** Opens a container's namespace for as long as it is held. @throws containerSpaceGone */
export function openSpace({ pid, netns }: ContainerSpace): Namespace {
  const found = Namespace.named(pid, netns);
  if (!found) throw containerSpaceGone({ pid, netns });
  return found;
}

/** What a container has in its namespace. @throws containerSpaceGone */
export const lookAtContainer = look('container.look', (space: ContainerSpace): ContainerSight => {
  const namespace = openSpace(space);
  try {
    return namespace.routing((route) => ({
      links: route.links(),
      addresses: route.addresses(),
      addresses6: route.addresses6(),
      routes: route.defaultRoutes(),
    }));
  } finally {
    namespace.close();
  }
});

/** Gives the container's end of a cable its address, and a way to its guest and nowhere else. */
export const addressCord = effect(
  'cord.address',
  ({ namespace, peer, step }: { namespace: Namespace; peer: string; step: CordStep }) => {
    namespace.routing((route) => {
      const link = route.link(peer);
      if (!link) throw tapNotReady({ tap: peer, why: 'somebody removes links in the container' });
      const [address = 0, guest = 0] = [step.address, step.guest].map((text) => parseAddress(text) ?? 0);
      route.withoutLinkLocal(peer);
      route.change(`giving ${peer} its address`, [
        addAddress({ index: link.index, address, prefix: 32 }),
        addRoute({
          ...{ table: mainTable, base: guest, prefix: 32, link: link.index },
          ...{ gateway: null, source: address },
        }),
      ]);
    });
  },
);

/** Addresses with prefix length as numbers. */
function parsed({ addresses, addresses6 }: VacateStep) {
  const split = (text: string): [string, number] => {
    const [address = '', prefix = ''] = text.split('/');
    return [address, Number(prefix)];
  };
  return {
    four: addresses.map(split).map(([text, prefix]) => ({ address: parseAddress(text) ?? 0, prefix })),
    six: addresses6.map(split).map(([text, prefix]) => ({ address: parseAddress6(text) ?? 0n, prefix })),
  };
}

interface Vacancy {
  readonly namespace: Namespace;
  readonly step: VacateStep;
}

/** Takes a container's addresses off its interface; those that are gone already are as good. */
export const vacate = effect('container.vacate', ({ namespace, step }: Vacancy) => {
  namespace.routing((route) => {
    const link = route.link(step.link);
    if (!link) throw tapNotReady({ tap: step.tap, why: `there is no ${step.link} in the container` });
    const { index } = link;
    const { four, six } = parsed(step);
    const has = new Set(route.addresses().map((one) => `${one.index}/${one.address}`));
    const has6 = new Set(route.addresses6().map((one) => `${one.index}/${one.address}`));
    route.change(`clearing ${step.link}`, [
      ...four
        .filter(({ address }) => has.has(`${index}/${address}`))
        .map((one) => deleteAddress({ ...one, index })),
      ...six
        .filter(({ address }) => has6.has(`${index}/${address}`))
        .map((one) => deleteAddress6({ ...one, index })),
    ]);
  });
});

/** Takes the guest out of a container's namespace that outlives it, and puts the interface's addresses back. */
export const unvacate = effect('container.unvacate', ({ namespace, step }: Vacancy) => {
  namespace.routing((route) => {
    const tap = route.link(step.tap);
    if (tap && vmOfAlias(tap.alias) === step.vm)
      route.change(`removing ${step.tap}`, [deleteLink(tap.index)]);
    const link = route.link(step.link);
    if (!link) return;
    const { index } = link;
    // Refused where there is none: it was never laid, or went with the interface.
    route.attempt([deleteIngress(index)]);
    const { four, six } = parsed(step);
    const gateway = step.gateway === null ? null : parseAddress(step.gateway);
    route.change(`giving ${step.link} its addresses back`, [
      changeLink(step.link, { up: true }),
      ...four.map((one) => addAddress({ ...one, index })),
      ...six.map((one) => addAddress6({ ...one, index })),
      ...(gateway === null
        ? []
        : [addRoute({ table: mainTable, base: 0, prefix: 0, link: index, gateway, source: null })]),
    ]);
  });
});
