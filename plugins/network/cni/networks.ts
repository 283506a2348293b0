import { join } from 'node:path';
import { cniListInvalid, cniNotHere, cniResultUnusable } from '../../../daemon/api/errors/namespaces.js';
import { tapBusy, tapNotReady } from '../../../daemon/api/errors/network.js';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import { LinkName, Mac, NetworkName } from '../../../daemon/api/shapes/ids.js';
import {
  stepKind,
  type Alive,
  type Context,
  type EngineState,
  type Grant,
  type GrantWish,
  type PluginHost,
  type StepKind,
  type StepKinds,
} from '../../contract.js';
import { openCache, readList } from '../effects/cni.js';
import { joinTap, lookAtJoint, unmakeTap } from '../effects/joint.js';
import { macFrom, tapName } from '../names.js';
import { namespaceDifference } from '../netns/state.js';
import type { Namespaces } from '../netns/namespaces.js';
import { CniAttachments, nameOfAttachment, type CniAttachment } from './attachments.js';
import type { CniConfig } from './config.js';
import type { CniList } from './list.js';
import { CniStep, earlySteps, JointStep, type Runtime } from './steps.js';

const usualMtu = 1500;

/** Networks whose interfaces CNI plugins make, in the namespaces of VMs. */
export class CniNetworks {
  readonly #lists: ReadonlyMap<string, CniList>;
  readonly #namespaces: Namespaces;
  readonly #attachments: CniAttachments;
  readonly #log: PluginHost['log'];
  readonly #joints = new Map<string, JointStep>();

  private constructor(parts: {
    lists: ReadonlyMap<string, CniList>;
    namespaces: Namespaces;
    attachments: CniAttachments;
    log: PluginHost['log'];
  }) {
    this.#log = parts.log;
    this.#lists = parts.lists;
    this.#namespaces = parts.namespaces;
    this.#attachments = parts.attachments;
  }

  /** Reads the lists. @throws cniListInvalid */
  static async open(
    { path, timeoutSeconds, networks }: CniConfig,
    { namespaces, host }: { namespaces: Namespaces; host: PluginHost },
  ): Promise<CniNetworks> {
    const lists = new Map<string, CniList>();
    for (const [name, { list }] of Object.entries(networks)) lists.set(name, await readList(list, host.cx));
    const names = [...lists.values()].map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined)
      throw cniListInvalid({ path: twice, why: 'two networks have a list of this name' });
    if (lists.size > 0) await openCache(join(host.runDir, 'cni'), host.cx);
    const attachments = new CniAttachments({
      ...{ dir: join(host.runDir, 'cni'), path },
      deadline: timeoutSeconds * 1000,
    });
    return new CniNetworks({ lists, namespaces, attachments, log: host.log.bind(host) });
  }

  has(network: string): boolean {
    return this.#lists.has(network);
  }

  get names(): readonly string[] {
    return [...this.#lists.keys()];
  }

  /** A grant of which only the names are known: the plugins say the rest. @throws cniNotHere */
  grant(wish: GrantWish): Grant {
    const { vm, nic, network, address, mac, ports = [] } = wish;
    const list = this.#lists.get(network);
    if (wish.early !== true || !list)
      throw cniNotHere({ network, why: 'its interfaces live in a namespace that is made with the VM' });
    const runtime: Runtime = {
      ...(mac !== undefined && { mac }),
      ...(address !== undefined && { ips: [address] }),
      ...(ports.length > 0 && {
        portMappings: ports.map((port) => ({
          hostPort: port.host,
          containerPort: port.guest,
          protocol: port.protocol,
          ...(port.address !== undefined && { hostIP: port.address }),
        })),
      }),
    };
    for (const capability of Object.keys(runtime))
      if (!list.plugins.some(({ capabilities }) => capabilities?.[capability] === true))
        throw cniNotHere({ network, why: `none of its plugins declares the capability "${capability}"` });
    const link = LinkName.parse(nic);
    return {
      ...{ vm, nic, network: NetworkName.parse(network), tap: tapName(vm, nic), bridge: link },
      mac: mac === undefined ? macFrom(`${vm}/${nic}`) : Mac.parse(mac),
      ...{ addresses: [], gateway: null, dns: [], mtu: usualMtu, isolated: false },
      ...(ports.length > 0 && { ports }),
      cni: { link, runtime },
    };
  }

  /** A grant with what its early steps have found. @throws cniResultUnusable */
  async learned(grant: Grant, cx: Context): Promise<Grant> {
    const { cni, vm, network } = grant;
    if (!cni) return grant;
    const part = await this.#attachments.find({ network, vm, link: cni.link }, cx);
    if (!part) throw cniResultUnusable({ network, why: 'nothing is known of it any more' });
    const link = this.#namespaces.of(vm).routing((route) => route.link(cni.link));
    const { mac, addresses, gateway, gateway6, dns } = part;
    return {
      ...grant,
      ...{ mac, addresses, gateway, dns, mtu: link?.mtu ?? part.mtu ?? usualMtu },
      ...(gateway6 !== null && { gateway6 }),
    };
  }

  early(grants: readonly Grant[]): ReturnType<typeof earlySteps> {
    const steps = grants.flatMap(earlySteps);
    // One namespace for all NICs of a VM.
    return steps.filter(({ kind }, index) => kind !== 'netns' || index === 0);
  }

  /** Proves a tap in a namespace; false where it is none of these. @throws tapNotReady, tapBusy */
  async verify(tap: string, vm: string, cx: Context): Promise<boolean> {
    const step = this.#joints.get(`${vm}/${tap}`);
    if (!step) return false;
    const { problems, busy } = await lookAtJoint({ namespace: this.#namespaces.of(vm), ...step }, cx);
    const [why] = problems;
    if (why !== undefined) throw tapNotReady({ tap, why });
    if (busy) throw tapBusy({ tap });
    return true;
  }

  /** What each network's plugins say of themselves; null where they can serve. */
  async states(cx: Context): Promise<readonly EngineState[]> {
    return Promise.all(
      [...this.#lists].map(async ([network, list]) => {
        const refused = await this.#attachments.status(network, list, cx).then(
          () => null,
          (error: unknown) => {
            if (error instanceof ThawError) return error;
            throw error;
          },
        );
        return { network, trouble: refused && { problem: refused.message, remedy: refused.detail.remedy } };
      }),
    );
  }

  /** Attachments of VMs that are not in `alive`. */
  async strays(alive: Alive, cx: Context): Promise<readonly CniAttachment[]> {
    return (await this.#attachments.known(cx)).filter(({ vm }) => !alive.has(vm));
  }

  /** Takes those back, and lets plugins that know GC free what else is nobody's. Returns what was taken back. */
  async sweep(alive: Alive, cx: Context): Promise<readonly string[]> {
    const gone: CniAttachment[] = [];
    for (const one of await this.strays(alive, cx)) {
      const done = await this.#tried(`DEL of ${one.link} of ${one.vm}`, () =>
        this.#attachments.remove(one, '', cx),
      );
      if (done) gone.push(one);
    }
    for (const [network, list] of this.#lists)
      await this.#tried(`GC of ${network}`, () => this.#attachments.gc(list, { network, alive }, cx));
    return gone.map(nameOfAttachment);
  }

  /** What others' plugins can't do now must not keep the daemon from starting: it is told, and tried again. */
  async #tried(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#log('warn', 'CNI plugins could not clean up', { what, error: String(error) });
      return false;
    }
  }

  get kinds(): StepKinds {
    return { cni: stepKind(this.#cniKind()), joint: stepKind(this.#jointKind()) };
  }

  #cniKind(): StepKind<CniStep> {
    return {
      kind: 'cni',
      schema: CniStep,
      run: async (step, cx) => {
        const list = this.#lists.get(step.network);
        if (!list)
          throw cniNotHere({ network: step.network, why: 'it is not in the configuration any more' });
        const netns = this.#namespaces.of(step.vm).path;
        const { mac, addresses } = await this.#attachments.add(
          step,
          { list, netns, runtime: step.runtime },
          cx,
        );
        return { mac, addresses };
      },
      // CNI's own cache knows what to take back, and with which configuration.
      undo: (step, cx) => this.#attachments.remove(step, this.#namespaces.find(step.vm)?.path ?? '', cx),
      check: async (step, cx) => {
        const namespace = this.#namespaces.find(step.vm);
        if (!namespace) return [];
        const found = await this.#attachments.check(step, namespace.path, cx);
        return found.map((problem) => ({
          what: `${step.nic} of ${step.vm} in ${step.network}`,
          problem,
          remedy: `Restore a fresh clone in place of ${step.vm}`,
        }));
      },
    };
  }

  #jointKind(): StepKind<JointStep> {
    const key = ({ vm, tap }: JointStep) => `${vm}/${tap}`;
    return {
      kind: 'joint',
      schema: JointStep,
      adopt: (step) => {
        this.#joints.set(key(step), step);
      },
      run: async (step, cx) => {
        await joinTap({ ...step, namespace: this.#namespaces.of(step.vm) }, cx);
        this.#joints.set(key(step), step);
      },
      // What it has made is in the namespace, and goes with that where it is not older than the step.
      undo: async (step, cx) => {
        this.#joints.delete(key(step));
        const namespace = step.added ? this.#namespaces.find(step.vm) : null;
        if (namespace) await unmakeTap({ ...step, namespace }, cx);
      },
      check: async (step, cx) => {
        const namespace = this.#namespaces.find(step.vm);
        if (!namespace) return [namespaceDifference(step.vm)];
        const { problems } = await lookAtJoint({ namespace, ...step }, cx);
        return problems.map((problem) => ({
          what: `tap ${step.tap} in the namespace of ${step.vm}`,
          problem,
          remedy: `Restore a fresh clone in place of ${step.vm}`,
        }));
      },
    };
  }
}
