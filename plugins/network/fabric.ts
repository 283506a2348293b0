import { tapNotReady } from '../../daemon/api/errors/network.js';
import { definePlugin, pluginContract, stepKind, type Fabric, type PluginHost } from '../contract.js';
import { checkHost } from './check.js';
import { FabricConfig } from './config.js';
import { removeBridge } from './effects/bridge.js';
import { Table } from './effects/elements.js';
import { loadRuleset } from './effects/nft.js';
import { pingAddress } from './effects/ping.js';
import { LinkRemover } from './effects/remover.js';
import { lookAtLink, lookAtLinks, Route } from './effects/route.js';
import { lookAtResolvers, readSysctls, resolverFiles, writeSysctl } from './effects/sysctl.js';
import { filterKind } from './kinds/filter.js';
import { leaseKind } from './kinds/lease.js';
import { tapKind } from './kinds/tap.js';
import { Leases } from './leases.js';
import { layGround, mendRules } from './mend.js';
import { mustBeFree, resolveNetworks, usableResolvers, type Network } from './networks.js';
import { rulesetRemoval } from './ruleset.js';
import { vmOfAlias } from './names.js';
import { stepsFor, type FilterStep, type TapStep } from './steps.js';
import { sweep } from './sweep.js';
import { tapRefusal } from './tap-state.js';

async function allowForwarding(networks: readonly Network[], host: PluginHost): Promise<void> {
  if (!networks.some(({ nat }) => nat)) return;
  const name = 'net/ipv4/ip_forward';
  if ((await readSysctls([name], host.cx)).get(name) !== '0') return;
  // Of the whole host: answers come in by whatever link leads outside, and that may change.
  await writeSysctl({ name, value: '1' }, host.cx);
  host.log('warn', 'The host forwards IPv4 from now on, because a network has NAT (net.ipv4.ip_forward = 1)');
}

async function start(host: PluginHost, config: FabricConfig): Promise<Fabric> {
  const resolvers = usableResolvers(await lookAtResolvers(resolverFiles, host.cx));
  const networks = resolveNetworks(config, resolvers);
  const route = new Route();
  const table = new Table();
  const remover = new LinkRemover();
  const close = async () => {
    await remover.idle();
    route.close();
    table.close();
  };
  const ground = { route, table, networks };
  try {
    mustBeFree(networks, await lookAtLinks(route, host.cx));
    const did = await layGround(ground, host.cx);
    if (did.length > 0) host.log('info', 'Bridges were made or mended', { did });
    await allowForwarding(networks, host);
  } catch (error) {
    await close();
    throw error;
  }
  if (networks.some(({ dns }) => dns.length === 0))
    host.log('warn', 'A network has no resolver to tell its guests: the host has none that they could reach');

  const leases = new Leases(networks);
  const taps = new Map<string, TapStep>();
  const filters = new Map<string, FilterStep>();
  const mend: Fabric['mend'] = async (cx) => [
    ...(await layGround(ground, cx)),
    ...(await mendRules(ground, [...filters.values()], cx)),
  ];
  return {
    networks: () => leases.view(),
    grant: (wish) => leases.grant(wish),
    release: (grant) => leases.release(grant),
    stepsFor,
    kinds: {
      lease: stepKind(leaseKind(leases)),
      tap: stepKind(tapKind({ route, remover, held: taps })),
      filter: stepKind(filterKind({ table, held: filters, mend })),
    },
    verifyTap: async (tap, vm, cx) => {
      const step = taps.get(tap);
      if (step?.vm !== vm) throw tapNotReady({ tap, why: 'no VM of thaw’s holds it' });
      const link = await lookAtLink({ route, name: tap }, cx);
      const bridge = await lookAtLink({ route, name: step.bridge }, cx);
      const refusal = tapRefusal(step, { link, bridge });
      if (refusal) throw refusal;
    },
    tapUser: async (tap, cx) => {
      const vm = leases.tapUser(tap);
      if (vm !== undefined) return vm;
      const link = await lookAtLink({ route, name: tap }, cx);
      return link && (vmOfAlias(link.alias) ?? 'a link that is not thaw’s');
    },
    mend,
    check: (cx) => checkHost(ground, cx),
    sweep: (alive, cx) => {
      // What is swept must not be mended later.
      for (const held of [taps, filters]) {
        for (const [name, { vm }] of held) if (!alive.has(vm)) held.delete(name);
      }
      return sweep({ route, table, remover }, alive, cx);
    },
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
