/** The guest's agent: qemu-ga's protocol for one client at a time, its commands in a table. */
import os from 'node:os';
import { die, Dropped, type Faults, type FaultWish } from '../../faults.js';
import { sleep } from '../../timing.js';
import { hostNow, readOffset, writeOffset } from '../clock.js';
import { Commands } from './exec.js';
import { Files } from './files.js';
import { interfaces } from './interfaces.js';
import { AgentError, CommandArguments, encode, MessageReader } from './protocol.js';

/** One accepted vsock connection, from the guest's side. */
export interface Client {
  write(bytes: Buffer): void;
  end(): void;
}

export interface AgentHost {
  enter<T>(work: () => T): T;
  readonly faults: Faults;
  /** Resolves while the vCPUs run. */
  running(): Promise<void>;
  /** The guest powers itself off or reboots: the VMM exits 0. */
  shutdown(): void;
}

type Command = (args: CommandArguments) => unknown;

export class Agent {
  private readonly commands: Commands;
  private readonly files: Files;
  private readonly table: Record<string, Command>;
  private bentExit: number | undefined;
  private silent = false;

  constructor(private readonly host: AgentHost) {
    const enter = <T>(work: () => T): T => host.enter(work);
    this.commands = new Commands(enter, () => {
      const code = this.bentExit;
      this.bentExit = undefined;
      return code;
    });
    this.files = new Files(enter);
    this.table = this.commandTable();
  }

  get busy(): boolean {
    return this.commands.busy;
  }

  private commandTable(): Record<string, Command> {
    const { host, files, commands } = this;
    const plain =
      (answer: () => unknown): Command =>
      (args) => {
        args.end();
        return answer();
      };
    return {
      'guest-sync': (args) => {
        const id = args.integer('id');
        args.end();
        return id;
      },
      'guest-sync-delimited': (args) => {
        const id = args.integer('id');
        args.end();
        return id;
      },
      'guest-ping': plain(() => ({})),
      'guest-info': plain(() => ({
        version: '7.2.22',
        supported_commands: Object.keys(this.table).map((name) => ({
          enabled: true,
          name,
          'success-response': name !== 'guest-shutdown',
        })),
      })),
      'guest-exec': (args) => commands.exec(args),
      'guest-exec-status': (args) => commands.status(args),
      'guest-network-get-interfaces': plain(() => host.enter(interfaces)),
      'guest-get-host-name': plain(() => ({ 'host-name': host.enter(() => os.hostname()) })),
      'guest-get-osinfo': plain(() => ({
        'kernel-release': os.release(),
        machine: os.machine(),
        id: 'linux',
        name: 'Linux',
      })),
      'guest-get-time': plain(() => hostNow() + host.enter(readOffset)),
      'guest-set-time': (args) => {
        const time = args.optionalInteger('time');
        args.end();
        // Without a time qemu-ga asks the RTC, which a Firecracker guest has not.
        if (time === undefined) throw new AgentError('hwclock failed to set system time to hardware clock');
        host.enter(() => writeOffset(BigInt(time) - hostNow()));
        return {};
      },
      'guest-file-open': (args) => files.open(args),
      'guest-file-close': (args) => files.close(args),
      'guest-file-read': (args) => files.read(args),
      'guest-file-write': (args) => files.write(args),
      'guest-file-seek': (args) => files.seek(args),
      'guest-file-flush': (args) => files.flush(args),
      'guest-shutdown': (args) => {
        args.optionalString('mode');
        args.end();
        setTimeout(() => host.shutdown(), 5);
        throw new Dropped();
      },
    };
  }

  /** Serves a client; the returned function takes what it sends. */
  serve(client: Client): (bytes: Buffer) => void {
    const reader = new MessageReader();
    let tail = Promise.resolve();
    return (bytes) => {
      tail = tail
        .then(() => this.host.running())
        .then(async () => {
          for (const message of reader.feed(bytes)) {
            if (this.silent) return;
            await this.host.running();
            if (message.is === 'error') client.write(line(errorAnswer(message.error)));
            else await this.answer(message.value, client);
          }
        });
    };
  }

  private async answer(request: unknown, client: Client): Promise<void> {
    const name = commandName(request);
    for (const wish of [...this.host.faults.due('agent'), ...this.host.faults.due(`agent.${name ?? ''}`)]) {
      if (await this.strike(wish, client)) return;
    }
    try {
      const { answer, delimited } = await this.run(request);
      await this.host.running();
      client.write(delimited ? Buffer.concat([Buffer.from([0xff]), line(answer)]) : line(answer));
    } catch (error) {
      if (error instanceof Dropped) return;
      await this.host.running();
      client.write(line(errorAnswer(error)));
    }
  }

  /** Does what a fault asks for; true when that was the answer. */
  private async strike(wish: FaultWish, client: Client): Promise<boolean> {
    if (wish.ms !== undefined) await sleep(wish.ms);
    switch (wish.do) {
      case 'drop':
        client.end();
        return true;
      case 'silent':
        this.silent = true;
        return true;
      case 'garbage':
        client.write(Buffer.from(wish.message ?? '{"return": \u0000\u0001 %%%\n'));
        return true;
      case 'fail':
      case 'error':
        client.write(line(errorAnswer(new AgentError(wish.message ?? 'Fault on request'))));
        return true;
      case 'exit':
        this.bentExit = wish.exitCode ?? 1;
        return false;
      case 'die':
        die(wish);
        return true;
      case 'delay':
        return false;
    }
  }

  private async run(request: unknown): Promise<{ answer: unknown; delimited: boolean }> {
    const { execute, args, id } = parseRequest(request);
    const command = Object.hasOwn(this.table, execute) ? this.table[execute] : undefined;
    if (!command) throw new AgentError(`The command ${execute} has not been found`, 'CommandNotFound');
    const result = await command(new CommandArguments(args));
    return {
      answer: { return: result, ...(id === undefined ? {} : { id }) },
      delimited: execute === 'guest-sync-delimited',
    };
  }
}

function line(answer: unknown): Buffer {
  return Buffer.from(`${encode(answer)}\n`);
}

function errorAnswer(error: unknown): unknown {
  const known =
    error instanceof AgentError
      ? error
      : new AgentError(error instanceof Error ? error.message : String(error));
  return { error: { class: known.errorClass, desc: known.message } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function commandName(request: unknown): string | undefined {
  return isRecord(request) && typeof request['execute'] === 'string' ? request['execute'] : undefined;
}

function parseRequest(request: unknown): { execute: string; args: Record<string, unknown>; id: unknown } {
  if (!isRecord(request)) throw new AgentError('QMP input must be a JSON object');
  const { execute, arguments: args = {}, id, ...rest } = request;
  if (execute !== undefined && typeof execute !== 'string') {
    throw new AgentError("QMP input member 'execute' must be a string");
  }
  const stranger = Object.keys(rest)[0];
  if (stranger !== undefined) throw new AgentError(`QMP input member '${stranger}' is unexpected`);
  if (execute === undefined) throw new AgentError("QMP input lacks member 'execute'");
  if (!isRecord(args)) throw new AgentError("QMP input member 'arguments' must be an object");
  return { execute, args, id };
}
