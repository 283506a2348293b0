import type { LinkName, Mac, NetworkName, VmId } from '../../daemon/api/shapes/ids.js';
import type { PortForward } from '../../daemon/api/shapes/port.js';
import type { GuestNic } from './agent.js';
import type { Difference, Step, StepKinds } from './step.js';
import type { ContainerJoin, ContainerLink, ContainerSpace } from './container.js';
import type { Context } from './context.js';

/** A NIC's place in a network: made up and reserved in memory, not yet made. Plain data, it goes into records. */
export interface Grant {
  readonly vm: VmId;
  /** Firecracker's `iface_id`: `eth0`, `eth1`, … */
  readonly nic: string;
  readonly network: NetworkName;
  readonly tap: LinkName;
  readonly mac: Mac;
  readonly bridge: LinkName;
  /** The VLAN of the bridge that it is in, untagged at its own port; left out where the bridge has none. */
  readonly vlan?: number | undefined;
  /** With prefix length, e.g. `10.88.0.5/16`. */
  readonly addresses: readonly string[];
  readonly gateway: string | null;
  /** For the IPv6 addresses, where there are some. */
  readonly gateway6?: string | undefined;
  /** Ports of the host that lead to it. */
  readonly ports?: readonly PortForward[] | undefined;
  readonly dns: readonly string[];
  readonly mtu: number;
  /** Of a network of CNI's: the interface in the VM's namespace, and what its plugins are told of this NIC alone. */
  readonly cni?: { readonly link: string; readonly runtime: CniRuntime } | undefined;
  /** True where the network keeps its VMs from reaching each other. */
  readonly isolated: boolean;
  /** For a VM that lives in a network namespace of its own already: the tap is there, with a cable to the bridge. */
  readonly added?: true | undefined;
  /** A cable from the network into a container's namespace, by which only this NIC is reached. */
  readonly cord?: Cord | undefined;
  /** In the place of a container's interface, inside its namespace. */
  readonly takeover?: Extract<ContainerJoin, { how: 'takeover' }> | undefined;
}

/** The container's end of a cable: what it is known by in the network. */
export interface Cord {
  readonly tap: LinkName;
  readonly mac: Mac;
  readonly addresses: readonly string[];
  readonly space: ContainerSpace;
}

/** What CNI plugins are told of one attachment, by the names of CNI's conventions. */
export type CniRuntime = {
  readonly mac?: string | undefined;
  readonly ips?: string[] | undefined;
  readonly portMappings?:
    { hostPort: number; containerPort: number; protocol: string; hostIP?: string | undefined }[] | undefined;
};

/** What the guest is told of a grant. */
export function guestNic(grant: Grant): GuestNic {
  const { mac, addresses, gateway, gateway6, mtu } = grant;
  const rank = Number(/\d+$/.exec(grant.nic)?.[0] ?? 0);
  return { mac, rank, addresses: [...addresses], gateway, ...(gateway6 !== undefined && { gateway6 }), mtu };
}

/** What somebody wants for one NIC. */
export interface GrantWish {
  readonly vm: VmId;
  readonly nic: string;
  readonly network: string;
  /** A static address without prefix. */
  readonly address?: string | undefined;
  readonly mac?: string | undefined;
  readonly ports?: readonly PortForward[] | undefined;
  /** The tap's name, where it can't be chosen because a snapshot has it inside. */
  readonly tap?: string | undefined;
  /** True where {@link Fabric.early} is asked: without that, no place in a network of CNI's is given. */
  readonly early?: true | undefined;
  /** True for a VM that lives in a network namespace of its own: see {@link Grant}. */
  readonly added?: true | undefined;
  /** In the place of this interface of a container, whatever the network. */
  readonly takeover?: Extract<ContainerJoin, { how: 'takeover' }> | undefined;
  /** True for a NIC that has no use for an IPv6 address, though its network has them. */
  readonly ipv4Only?: true | undefined;
}

/** Whether a VM, by its id, has things that are to be left alone: asked again about each thing that is found. */
export type Alive = Pick<ReadonlySet<string>, 'has'>;

export interface NetworkView {
  readonly name: NetworkName;
  readonly bridge: string;
  /** Null where the bridge has no VLANs. */
  readonly vlan: number | null;
  readonly subnet: string;
  readonly gateway: string;
  /** Null where the network has no IPv6. */
  readonly subnet6: string | null;
  readonly gateway6: string | null;
  readonly nat: boolean;
  readonly mtu: number;
  readonly leases: number;
  readonly capacity: number;
}

/** Whether the engine of a network that another one makes, such as CNI's plugins, can give NICs now. */
export interface EngineState {
  readonly network: string;
  /** Null where it can. */
  readonly trouble: Pick<Difference, 'problem' | 'remedy'> | null;
}

/**
 * The networks of the host: bridges, leases, taps and rules. Its step kinds are `lease`, `tap`, `filter` and `ports`, whose
 * steps {@link Fabric.stepsFor} makes from a grant.
 */
export interface Fabric {
  networks(): readonly NetworkView[];
  /**
   * Chooses tap, MAC and address and reserves them in memory, at once and never twice.
   * @throws networkUnknown, subnetExhausted, addressTaken, addressOutside, macTaken, macInvalid,
   * nicNameInvalid, tapTaken, portTaken
   */
  grant(wish: GrantWish): Grant;
  /**
   * Steps that must have run before the rest of a VM's plan can be made, because only they find out MAC and addresses of
   * these grants: those of CNI's networks. {@link learned} then has them; the steps are among those of `stepsFor` too.
   */
  early(grants: readonly Grant[]): readonly Step[];
  /** A grant with what its early steps have found. */
  learned(grant: Grant, cx: Context): Promise<Grant>;
  /** Runs `work`, which must not wait, as if nobody held what these grants do: for a plan in which they would be gone. */
  aside<T>(grants: readonly Grant[], work: () => T): T;
  /** Gives back a reservation whose `lease` step never ran; harmless otherwise. */
  release(grant: Grant): void;
  /** The steps that make a grant real, in order: lease, tap, filter, and ports where it has some. */
  stepsFor(grant: Grant): readonly Step[];
  readonly kinds: StepKinds;
  /**
   * A grant with a cable into a container's namespace, whose end there is leased like a NIC; given back with the grant.
   * @throws subnetExhausted
   */
  withCord(grant: Grant, space: ContainerSpace): Grant;
  /** The one interface of a container's namespace whose place a guest can take. @throws takeoverRefused */
  containerLink(space: ContainerSpace, cx: Context): Promise<ContainerLink>;
  /**
   * Makes in one go what it can of steps that are about to run, whose records are written: each of them then finds its
   * part made. What can't be made here is left to its own step, which says why.
   */
  prepare(steps: readonly Step[], cx: Context): Promise<void>;
  /**
   * Proves that a tap is there, ours and free, just before a call that would silently create a missing one
   * (Firecracker does, at attach and at load: facts 8 and headline 5).
   * @throws tapNotReady, tapBusy, linkForeign
   */
  verifyTap(tap: string, vm: string, cx: Context): Promise<void>;
  /**
   * Runs `work` in the network namespace that a VM's step `netns` has given it; a process that it starts lives there.
   * `work` must not wait: it has the daemon's only thread.
   * @throws namespaceGone
   */
  inside<T>(vm: string, work: () => T): T;
  /** Tells which process lives in a VM's namespace, if it has one: how the next daemon finds it again. */
  inhabited(vm: string, pid: number): void;
  /** Who has a tap of this name: a VM's id, or words about a link that is not thaw's; null where nobody does. */
  tapUser(tap: string, cx: Context): Promise<string | null>;
  /**
   * Makes again what the host lost of bridges, tables and the rules of VMs that hold a `filter` step: to be called
   * once a starting daemon has adopted its records. Returns what it made.
   */
  mend(cx: Context): Promise<readonly string[]>;
  /** What {@link Fabric.mend} would make again of bridges and of VMs' rules. Changes nothing. */
  lost(cx: Context): Promise<readonly string[]>;
  /** What other engines say of the networks that they make. */
  engines(cx: Context): Promise<readonly EngineState[]>;
  /** What is wrong with the bridges, the tables and the engines themselves, apart from any VM. */
  check(cx: Context): Promise<readonly Difference[]>;
  /** Removes taps and rules that carry our mark and belong to none of `alive`; returns what it removed. */
  sweep(alive: Alive, cx: Context): Promise<readonly string[]>;
  /** What {@link Fabric.sweep} would remove. Changes nothing. */
  strays(alive: Alive, cx: Context): Promise<readonly string[]>;
  /** Milliseconds a ping of `address` took, or null where no answer came within `timeout` milliseconds. */
  ping(address: string, timeout: number, cx: Context): Promise<number | null>;
  /** Frees memory and handles. Bridges and taps stay: VMs live on while the daemon is away. */
  close(): Promise<void>;
  /** Removes bridges and tables that no VM uses any more. */
  dismantle(cx: Context): Promise<void>;
}
