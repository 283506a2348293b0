import type { UpdateAnswer, UpdatePart } from '../../daemon/api/shapes/update.js';
import type { Context } from './context.js';

/** A byte stream to the guest: what a vsock connection gives. */
export interface GuestStream {
  write(bytes: Uint8Array): void;
  /** The next bytes; null once the other side has closed. Rejects when `signal` aborts. */
  read(signal: AbortSignal): Promise<Uint8Array | null>;
  close(): void;
}

/** One NIC as the guest shall set it up: part of a step, hence a type that is JSON. */
export type GuestNic = {
  readonly mac: string;
  /** The MAC that the NIC has until now, where it is to get another: it is found by either. */
  readonly formerMac?: string | undefined;
  /** Its place among the VM's NICs, the first of which has the default route; where left out, its place in the list. */
  readonly rank?: number | undefined;
  readonly addresses: readonly string[];
  readonly gateway: string | null;
  /** For the IPv6 addresses. */
  readonly gateway6?: string | undefined;
  readonly mtu: number;
};

/** Who the guest is from now on. */
export interface GuestIdentity {
  readonly vm: string;
  readonly hostname: string;
  /** 32 hexadecimal digits. */
  readonly machineId: string;
  readonly nics: readonly GuestNic[];
  readonly dns: readonly string[];
  /** 64 bytes or more of the host's randomness, hexadecimal. */
  readonly entropy: string;
  /** Goes to `/run/thaw/identity.json` in the guest. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** What to do in an update. */
export interface UpdateWish {
  readonly identity: GuestIdentity;
  /** True after a hot-attach: the guest must look for new devices first. */
  readonly rescan: boolean;
  /** What the guest shall do; nothing else is touched. */
  readonly parts: readonly UpdatePart[];
}

/** One conversation with one agent; its owner serialises the calls. */
export interface AgentSession {
  /** The agent's version, once it is in sync. @throws agentGarbled, agentSilent */
  hello(cx: Context): Promise<{ version: string | null }>;
  ping(cx: Context): Promise<void>;
  /** @throws agentRefused, agentGarbled, agentSilent. Parts that fail are in the answer, not thrown. */
  update(wish: UpdateWish, cx: Context): Promise<UpdateAnswer>;
  /** Lets the guest let go of the NIC with this MAC, before it is unplugged. */
  prepareDetach(mac: string, cx: Context): Promise<void>;
  /** Forgets the conversation; the stream is closed by its owner. */
  close(): void;
}

/** Opens one more connection to the same agent; whoever asks for it closes it. */
export type Dial = (cx: Context) => Promise<GuestStream>;

/** How an agent is spoken to. */
export interface AgentDialect {
  readonly name: string;
  /** Takes over a stream on which nothing has been said yet. */
  open(vm: string, stream: GuestStream, dial: Dial): AgentSession;
}
