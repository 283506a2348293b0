import { tapNotReady } from '../../daemon/api/errors/network.js';
import { definePlugin, pluginContract, stepKind, type Fabric, type PluginHost } from '../contract.js';
import { nameOfAttachment } from './cni/attachments.js';
import { CniNetworks } from './cni/networks.js';
import { checkHost, engineDifferences } from './check.js';
import { takenOver } from './container/grant.js';
import { containerKinds } from './container/kinds.js';
import { theLink } from './container/link.js';
import { cordGrant, cordNic } from './container/steps.js';
import { FabricConfig } from './config.js';
import { removeBridge } from './effects/bridge.js';
import { lookAtContainer } from './effects/container.js';
import { Table } from './effects/elements.js';
import { lookAtInner } from './effects/inner.js';
import { loadRuleset } from './effects/nft.js';
import { pingAddress } from './effects/ping.js';
import { LinkRemover } from './effects/remover.js';
import { lookAtLink, lookAtLinks, lookAtTap, Route } from './effects/route.js';
import { lookAtResolvers, resolverFiles } from './effects/sysctl.js';
import { filterKind } from './kinds/filter.js';
import { leaseKind } from './kinds/lease.js';
import { innerKey, netnsKinds } from './kinds/netns.js';
import { portsKind } from './kinds/ports.js';
import { tapKind } from './kinds/tap.js';
import { allowForwarding } from './forwarding.js';
import { withHostLinks } from './host/vlans.js';
import { Leases } from './leases.js';
import { lookForLost } from './lost.js';
import { layGround, type Ground, mendPorts, mendRules } from './mend.js';
import { Namespaces } from './netns/namespaces.js';
import { NamespacePool } from './netns/pool.js';
import { innerRefusal } from './netns/state.js';
import type { InnerStep } from './netns/steps.js';
import { mustBeFree, type Network, resolveNetworks, usableResolvers } from './networks.js';
import { prepareAll } from './prepare.js';
import { Ports } from './ports.js';
import { rulesetRemoval } from './ruleset.js';
import { vmOfAlias } from './names.js';
import { stepsFor, type FilterStep, type PortsStep, type TapStep } from './steps.js';
import { findStrays, sweep } from './sweep.js';
import { tapRefusal } from './tap-state.js';

async function start(host: PluginHost, config: FabricConfig): Promise<Fabric> {
  const resolvers = usableResolvers(await lookAtResolvers(resolverFiles, host.cx));
  const resolved = resolveNetworks(config, resolvers);
  const route = new Route();
  const table = new Table();
  const remover = new LinkRemover();
  const pool = new NamespacePool(config.netns.pool, (error) =>
    host.log('warn', 'A network namespace could not be made ahead', { error: String(error) }),
  );
  const namespaces = new Namespaces(pool);
  const close = async () => {
    await remover.idle();
    namespaces.close();
    route.close();
    table.close();
  };
  let networks: readonly Network[];
  let ground: Ground;
  try {
    const seen = await lookAtLinks(route, host.cx);
    networks = withHostLinks(resolved, seen.links);
    ground = { route, table, networks };
    mustBeFree(networks, seen);
    const did = await layGround(ground, host.cx);
    if (did.length > 0) host.log('info', 'Bridges were made or mended', { did });
    await allowForwarding(networks, seen.links, host);
  } catch (error) {
    await close();
    throw error;
  }
  if (networks.some(({ dns }) => dns.length === 0))
    host.log('warn', 'A network has no resolver to tell its guests: the host has none that they could reach');

  const cni = await CniNetworks.open(config.cni, { namespaces, host });
  pool.fill();
  const leases = new Leases(networks);
  const ports = new Ports();
  const forwarded = new Map<string, PortsStep>();
  const taps = new Map<string, TapStep>();
  const filters = new Map<string, FilterStep>();
  const [made, ruled] = [new Set<string>(), new Set<string>()];
  const inner = new Map<string, InnerStep>();
  const mend: Fabric['mend'] = async (cx) => [
    ...(await layGround(ground, cx)),
    ...(await mendRules(ground, [...filters.values()], cx)),
    ...(await mendPorts(ground, [...forwarded.values()], cx)),
  ];
  return {
    networks: () => leases.view(),
    grant: (wish) => {
      if (wish.takeover) return takenOver(wish, wish.takeover, networks[0]?.dns ?? []);
      if (cni.has(wish.network)) return cni.grant(wish);
      const { ports: wanted = [] } = wish;
      ports.grant(wish, wanted);
      try {
        return {
          ...leases.grant(wish),
          ...(wish.added && { added: wish.added }),
          ...(wanted.length > 0 && { ports: [...wanted] }),
        };
      } catch (error) {
        ports.release(wish, wanted);
        throw error;
      }
    },
    aside: (grants, work) => leases.aside(grants, work),
    withCord: (grant, space) => {
      const { vm, network } = grant;
      const { tap, mac, addresses } = leases.grant({ vm, network, nic: cordNic, ipv4Only: true });
      return { ...grant, cord: { tap, mac, addresses, space } };
    },
    containerLink: async (space, cx) => theLink(await lookAtContainer(space, cx)),
    early: (grants) => cni.early(grants),
    learned: (grant, cx) => cni.learned(grant, cx),
    release: (grant) => {
      if (grant.cni ?? grant.takeover) return;
      const cord = cordGrant(grant);
      if (cord) leases.release(cord);
      leases.release(grant);
      ports.release(grant, grant.ports ?? []);
    },
    stepsFor,
    prepare: (steps, cx) => prepareAll({ route, table, made, ruled }, steps, cx),
    kinds: {
      lease: stepKind(leaseKind(leases)),
      tap: stepKind(tapKind({ route, remover, held: taps, made })),
      filter: stepKind(filterKind({ table, held: filters, ruled, mend })),
      ...netnsKinds({ route, remover, namespaces, inner }),
      ...cni.kinds,
      ...containerKinds({ route, remover, namespaces }),
      ports: stepKind(portsKind({ table, ports, held: forwarded, mend })),
    },
    verifyTap: async (tap, vm, cx) => {
      const own = inner.get(innerKey(vm, tap));
      if (own) {
        const wrong = innerRefusal(own, await lookAtInner({ namespace: namespaces.of(vm), step: own }, cx));
        if (wrong) throw wrong;
        return;
      }
      if (await cni.verify(tap, vm, cx)) return;
      const step = taps.get(tap);
      if (step?.vm !== vm) throw tapNotReady({ tap, why: 'no VM of thaw’s holds it' });
      const refusal = tapRefusal(step, await lookAtTap({ ...step, route }, cx));
      if (refusal) throw refusal;
    },
    inside: (vm, work) => namespaces.of(vm).inside(work),
    inhabited: (vm, pid) => namespaces.inhabited(vm, pid),
    tapUser: async (tap, cx) => {
      const vm = leases.tapUser(tap);
      if (vm !== undefined) return vm;
      const link = await lookAtLink({ route, name: tap }, cx);
      return link && (vmOfAlias(link.alias) ?? 'a link that is not thaw’s');
    },
    mend,
    lost: (cx) => lookForLost(ground, { filters: [...filters.values()], ports: [...forwarded.values()] }, cx),
    engines: (cx) => cni.states(cx),
    check: async (cx) => [...(await checkHost(ground, cx)), ...engineDifferences(await cni.states(cx))],
    sweep: async (alive, cx) => {
      // What is swept must not be mended later.
      for (const held of [taps, filters, forwarded, inner]) {
        for (const [name, { vm }] of held) if (!alive.has(vm)) held.delete(name);
      }
      return [...(await sweep({ route, table, remover }, alive, cx)), ...(await cni.sweep(alive, cx))];
    },
    strays: async (alive, cx) => [
      ...(await findStrays({ route, table }, alive, cx)).names,
      ...(await cni.strays(alive, cx)).map(nameOfAttachment),
    ],
    ping: (address, timeout, cx) => pingAddress({ address, timeout }, cx),
    close,
    dismantle: async (cx) => {
      const used = await Promise.all(networks.map((network) => removeBridge({ route, network }, cx)));
      // Rules guard the VMs that are left. Forwarding stays on: others may have come to need it.
      if (!used.includes(true)) await loadRuleset(rulesetRemoval, cx);
    },
  };
}

export default definePlugin({
  kind: 'fabric',
  name: 'bridge',
  contract: pluginContract,
  config: FabricConfig,
  start,
});
