import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ThawClient } from '../../client/index.js';
import { Box } from './box.js';
import { Daemon, type Exit } from './daemon.js';
import { inventory } from './leftovers.js';
import { bin } from './paths.js';
import { Wire } from './wire.js';

/** A fault at an effect of the daemon; see daemon/effects/faults.ts. */
export interface HostFault {
  readonly at: string;
  readonly when?: 'before' | 'after';
  /** The how-manieth time; every time where left out. */
  readonly nth?: number;
  /** An errno. */
  readonly fail?: string;
  /** Milliseconds. */
  readonly delay?: number;
  /** A file to write until its file system is full. */
  readonly fill?: string;
  readonly kill?: true;
}

export interface HostOptions {
  /** Keys of the daemon's configuration, laid over those that a test needs. No slot is kept ready unless asked for. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly faults?: readonly HostFault[];
  /** Faults of the stand-in; test/firecracker/README.md lists them. */
  readonly vmmFaults?: readonly Readonly<Record<string, unknown>>[];
  /** The size of a tmpfs each for run directory and store, e.g. `8m`. */
  readonly small?: string;
  /** More environment for daemon and VMMs, e.g. `FIRECRACKER_STANDIN_TIMING`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a test of node-tap offers, as far as it is needed here. */
interface Test {
  teardown(callback: () => Promise<void>): void;
  passing(): boolean;
  comment(text: string): void;
}

/**
 * Starts thawd on a host of its own: fresh namespaces, run directory and store, and the stand-in, or what
 * `FIRECRACKER_BIN` names, as Firecracker. All of it goes with the test, however that ends.
 */
export async function startHost(t: Test, options: HostOptions = {}): Promise<Host> {
  const box = await Box.open(options);
  t.teardown(() => box.close());
  const host = await Host.on(box, options);
  t.teardown(async () => {
    await host.client.close();
    if (!t.passing()) for (const line of host.log.slice(-100)) t.comment(line);
  });
  return host;
}

/** A host with a daemon. */
export class Host {
  readonly box: Box;
  readonly socketPath: string;
  readonly runDir: string;
  readonly storeDir: string;
  /** The lines that its daemons have logged. */
  readonly log: string[] = [];
  readonly #configPath: string;
  readonly #env: Readonly<Record<string, string>>;
  #daemon: Daemon | undefined;
  #client: ThawClient | undefined;
  /** What was there before any VM. */
  #before: ReadonlySet<string> = new Set();

  private constructor(box: Box, options: HostOptions) {
    this.box = box;
    this.runDir = join(box.runDir, 'run');
    this.storeDir = box.storeDir;
    this.socketPath = box.seen(join(this.runDir, 'thawd.sock'));
    this.#configPath = join(box.runDir, 'config.json');
    this.#env = {
      ...(options.vmmFaults ? { FIRECRACKER_STANDIN_FAULTS: JSON.stringify(options.vmmFaults) } : {}),
      ...(options.faults ? { THAW_FAULTS: JSON.stringify(options.faults) } : {}),
      ...options.env,
    };
  }

  static async on(box: Box, options: HostOptions): Promise<Host> {
    const host = new Host(box, options);
    const config = {
      runDir: host.runDir,
      storeDir: host.storeDir,
      socket: { group: 'root' },
      firecracker: { binary: process.env['FIRECRACKER_BIN'] || bin('firecracker') },
      slots: { size: 0 },
      ...options.config,
    };
    await writeFile(box.seen(host.#configPath), JSON.stringify(config), { mode: 0o600 });
    await host.start();
    host.#before = new Set(await host.#inventory());
    return host;
  }

  /** The daemon's process, by its number on this side. */
  get pid(): number {
    return this.#running.pid;
  }

  /** A client of the running daemon; the next daemon has another. */
  get client(): ThawClient {
    if (!this.#client) throw new Error('no daemon has run on this host');
    return this.#client;
  }

  get #running(): Daemon {
    if (!this.#daemon?.alive) throw new Error('no daemon runs on this host');
    return this.#daemon;
  }

  /** Starts the daemon again after it has ended; `env` is added for this life of it. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#daemon = await Daemon.start(this.box, {
      config: this.#configPath,
      env: { ...this.#env, ...env },
      log: this.log,
    });
    await this.#client?.close();
    this.#client = await connect({ socket: this.socketPath });
  }

  /** Ends the daemon, and waits until it is gone. VMs live on. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    return this.#running.end(signal);
  }

  /** Whether a daemon runs. */
  get alive(): boolean {
    return this.#daemon?.alive === true;
  }

  /** Waits until the daemon ends of itself: of an injected fault. */
  ended(): Promise<Exit> {
    if (!this.#daemon) throw new Error('no daemon has run on this host');
    return this.#daemon.ended;
  }

  /** Ends the daemon as systemd does, and starts the next. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** Runs a program on the host; rejects where it fails. */
  exec(...command: readonly string[]): Promise<string> {
    return this.box.exec(...command);
  }

  /** Signals a process by the number that thawd knows it by, e.g. a VMM. Not `process.kill`: numbers differ inside. */
  signal(pid: number, signal: NodeJS.Signals): Promise<void> {
    return this.box.signal(pid, signal);
  }

  /** Whether an address answers a ping from the host within two seconds. */
  async ping(address: string): Promise<boolean> {
    return this.exec('ping', '-c', '1', '-W', '2', address).then(
      () => true,
      () => false,
    );
  }

  /** A connection for what no client library would write. */
  wire(): Promise<Wire> {
    return Wire.open(this.socketPath);
  }

  /**
   * What is there that was not before the first VM: processes, links, rules, mounts, files. The kernel ends what
   * lived in a VMM's namespaces a moment after it: looked at until nothing is left, for two seconds at most.
   */
  async leftovers(): Promise<readonly string[]> {
    const until = performance.now() + 2_000;
    for (;;) {
      const left = (await this.#inventory()).filter((thing) => !this.#before.has(thing));
      if (left.length === 0 || performance.now() > until) return left;
      await sleep(20);
    }
  }

  async #inventory(): Promise<readonly string[]> {
    const own = this.#daemon?.alive ? [this.#daemon.pidInside] : [];
    return inventory(this.box, own);
  }
}
