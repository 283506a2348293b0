import type { AgentSpec } from '../api/shapes/machine.js';
import type { GuestFacts } from '../api/shapes/guest.js';
import type { Diagnosis } from '../api/system.js';
import type { GuestLook } from '../../plugins/contract.js';
import { ok, problem, warning } from './diagnosis.js';
import { judgeGuestNetwork } from './guest-network.js';

/** What is known of a guest whose agent has answered. */
export interface GuestSeen {
  readonly agent: NonNullable<AgentSpec>;
  readonly version: string | null;
  /** null where the dialect can't look. */
  readonly look: GuestLook | null;
}

/** What is to be said of a guest: pure. From the agent inwards. */
export function judgeGuest({ agent, version, look }: GuestSeen): readonly Diagnosis[] {
  const found = [answers(agent, version), ...port(agent)];
  if (look === null) {
    const remedy = 'Compare the guest with what README asks for under “Guests”';
    return [
      ...found,
      warning('guest', `An agent of the dialect ${agent.dialect} tells nothing of it`, remedy),
    ];
  }
  const { commandsOff, facts } = look;
  return [
    ...found,
    commands(commandsOff),
    ...(facts === null ? [] : [...judgeGuestNetwork(facts), ...judgeGuestIdentity(facts, agent)]),
  ];
}

function answers({ dialect, via, port: at }: NonNullable<AgentSpec>, version: string | null): Diagnosis {
  const where = via === 'unix' ? 'a Unix socket' : `${via === 'vsock' ? 'vsock' : 'TCP'} port ${at}`;
  return ok('agent', `${dialect} ${version ?? 'of a version that it does not tell'} answers on ${where}`);
}

function port({ via, port: at }: NonNullable<AgentSpec>): readonly Diagnosis[] {
  if (via !== 'vsock') return [];
  return at < 1024
    ? [ok('agent port', `${at}: only root can listen there`)]
    : [
        warning(
          'agent port',
          `Whatever runs in the guest can listen on ${at} while the agent is away, and be taken for it`,
          'Have the agent listen below 1024, as the service of `thaw guest prepare` does, and boot with --agent-port',
        ),
      ];
}

function commands(off: readonly string[]): Diagnosis {
  const check = 'agent commands';
  if (off.length === 0) return ok(check, 'all that thaw uses are allowed');
  const remedy =
    'In the guest, take them from block-rpcs in /etc/qemu/qemu-ga.conf (older ones: blacklist; Red Hat’s: FILTER_RPC_ARGS ' +
    'in /etc/sysconfig/qemu-ga), or use the service of `thaw guest prepare`';
  const text = `Switched off: ${off.join(', ')}`;
  return off.some((name) => name.startsWith('guest-exec'))
    ? problem(check, `${text}; without guest-exec a guest can be told nothing, nor looked into`, remedy)
    : warning(
        check,
        `${text}; without these clocks are set less well, and files can’t be put into the guest`,
        remedy,
      );
}

function judgeGuestIdentity(facts: GuestFacts, agent: NonNullable<AgentSpec>): readonly Diagnosis[] {
  return [randomness(facts), loopback(facts, agent), writable(facts), machineId(facts), ...restoreD(facts)];
}

function randomness({ vmgenid, reseeds, kernel }: GuestFacts): Diagnosis {
  const check = 'randomness';
  // Linux 5.18: drivers/virt/vmgenid.c
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  if (vmgenid === 'bound' && (major > 5 || (major === 5 && minor >= 18)))
    return ok(check, 'the kernel hears of new generation ids (VMGenID)');
  const unheard = vmgenid === 'unheard' ? 'no driver took the machine’s VMGenID; ' : '';
  switch (reseeds) {
    case 'installed':
      return ok(check, `${unheard}/usr/lib/thaw/reseed reseeds the kernel`);
    case 'brought':
      return ok(check, `${unheard}the program that thaw brings along reseeds the kernel, from /run`);
    case 'python3':
    case 'perl':
      return warning(
        check,
        `${unheard}Only ${reseeds} can reseed the kernel: /run takes no programs`,
        'Faster, and without it: `thaw guest prepare` puts a program for it into the image',
      );
    case 'nothing':
      return problem(
        check,
        `${unheard}Nothing can reseed the kernel: /run takes no programs, and there is neither python3 nor perl`,
        '`thaw guest prepare` puts a program for it into the image; or take a kernel from 5.18 on with CONFIG_VMGENID',
      );
  }
}

function loopback({ loopback: is }: GuestFacts, { via }: NonNullable<AgentSpec>): Diagnosis {
  const check = 'vsock_loopback';
  const risk = 'a process without rights can reach the agent by it, or be taken for it';
  if (via !== 'vsock') return ok(check, 'the agent is not on vsock');
  switch (is) {
    case 'missing':
      return ok(check, 'not there');
    case 'blocked':
      return ok(check, 'kept from being loaded');
    case 'loadable':
      return warning(
        check,
        `It can be loaded: ${risk}`,
        'In the guest’s /etc/modprobe.d: blacklist vsock_loopback, install vsock_loopback /bin/false (`thaw guest prepare` does it)',
      );
    case 'loaded':
      return problem(
        check,
        `It is loaded: ${risk}`,
        'Block it in /etc/modprobe.d, as `thaw guest prepare` does, and boot the source again',
      );
    case 'builtin':
      return problem(check, `It is built in: ${risk}`, 'Build the kernel without CONFIG_VSOCKETS_LOOPBACK');
  }
}

function writable({ closed }: GuestFacts): Diagnosis {
  const check = 'files';
  return closed.length === 0
    ? ok(check, '/etc and /run can be written')
    : problem(
        check,
        `Can’t be written: ${closed.join(', ')}`,
        'Give the guest a writable /etc and /run (an overlay, a tmpfs), or switch the parts off: --without',
      );
}

function machineId({ machineId: is }: GuestFacts): Diagnosis {
  return is === 'there'
    ? ok('machine-id', '/etc/machine-id is there')
    : warning(
        'machine-id',
        'There is no /etc/machine-id: clones get one, and what the source has started by then goes without',
        'Where something needs it (systemd, D-Bus): `systemd-machine-id-setup --root ROOTFS-DIR`',
      );
}

function restoreD({ restoreD: is, idle }: GuestFacts): readonly Diagnosis[] {
  const check = 'restore.d';
  if (is === 'missing')
    return [ok(check, 'no /etc/thaw/restore.d: clones run no programs of their own when they are restored')];
  return idle.length === 0
    ? [ok(check, 'what is in /etc/thaw/restore.d can be run')]
    : [
        warning(
          check,
          `In /etc/thaw/restore.d and not executable, so never run: ${idle.join(', ')}`,
          'chmod +x, or take them away',
        ),
      ];
}
