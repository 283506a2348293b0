import type { UpdateAnswer, UpdatePart } from '../../daemon/api/shapes/update.js';
import type { GuestFacts } from '../../daemon/api/shapes/guest.js';
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

/** A file for the guest. */
export interface FileWish {
  readonly vm: string;
  /** Absolute, in the guest. */
  readonly path: string;
  readonly content: Buffer;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** How a file takes the place of an old one. */
export interface SwapWish {
  readonly vm: string;
  readonly path: string;
  /** Names this upgrade: asked for a second time, it is not done twice. */
  readonly id: string;
  /** Octal. */
  readonly mode: string;
  /** A command that starts the agent anew; null where the file is no agent. */
  readonly restart: string | null;
  /** How long the guest waits until the new agent has answered, before it puts the old file back. */
  readonly seconds: number;
}

/** Files in the guest, through its agent. All may be asked for again after an answer was lost. */
export interface GuestFiles {
  /** Writes the file beside the one that it will replace, its folder made where there is none, and compares. @throws upgradeFailed */
  readonly place: (wish: FileWish, cx: Context) => Promise<void>;
  /** Takes away what `place` has left. */
  readonly discard: (wish: Pick<FileWish, 'path'>, cx: Context) => Promise<void>;
  /** Puts the file into its place at once, and has the agent started anew soon. @throws upgradeFailed */
  readonly swap: (wish: SwapWish, cx: Context) => Promise<void>;
  /** Which agent answers: the one before, the new one (and with that the file is final), or the old file is back. */
  readonly confirm: (wish: Pick<SwapWish, 'path' | 'id'>, cx: Context) => Promise<'new' | 'old' | 'back'>;
}

/** What can be seen of a guest without changing it. */
export interface GuestLook {
  /** Commands of the agent that thaw uses and that are switched off, or unknown to it. */
  readonly commandsOff: readonly string[];
  /** null where a command is off without which nothing is to be seen. */
  readonly facts: GuestFacts | null;
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
  /** Absent where a dialect has nothing for it. */
  readonly files?: GuestFiles;
  /** Looks what the guest has of what thaw needs; changes nothing. Absent where a dialect can't. */
  look?(cx: Context): Promise<GuestLook>;
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
