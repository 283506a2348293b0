import { resolve } from 'node:path';
import type { Diagnosis } from '../../../daemon/api/system.js';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import { contractGap } from '../../contract.js';
import { defineCommand } from '../command.js';
import { diagnosisLines, exitOf } from '../diagnosis.js';
import { exit, exitCodeOf } from '../exit.js';
import { lookOf } from '../terminal.js';
import { age, bytes, milliseconds } from '../units.js';
import { facts } from '../vm-view.js';

export const info = defineCommand({
  name: 'info',
  summary: 'Show what the daemon is and how it fares: versions, Firecracker, directories, plugins, load.',
  async run(_given, cli) {
    const client = await cli.client();
    const [about, health] = await Promise.all([cli.call('system.info', {}), cli.call('system.health', {})]);
    const { firecracker, peer } = about;
    const gap = contractGap(about.contract);
    if (gap !== null) cli.note(gap);
    cli.answer({
      value: { ...about, health },
      lines: () =>
        facts(
          [
            [
              'thawd',
              `${about.version}, contract ${about.contract}, pid ${about.pid}, up ${age(about.startedAt, Date.now())}`,
            ],
            ['socket', client.socket],
            ['you', `user ${peer.uid}, may ${peer.access === 'change' ? 'change' : 'read'}`],
            ['Firecracker', `${firecracker.version ?? 'unknown'}, ${firecracker.binary}`],
            ...(firecracker.problem === null ? [] : [['', firecracker.problem] as const]),
            ['VMs', about.runDir],
            ['snapshots', about.storeDir],
            ['networks', about.networks.join(', ') || 'none'],
            ['plugins', about.plugins.map(({ kind, name }) => `${kind}/${name}`).join(', ') || 'none'],
            ['room', `${roomWords(health.room.vms, 'VMs')}, ${roomWords(health.room.memoryMib, 'MiB')}`],
            [
              'health',
              `${health.status}, ${health.vms} VMs, ${health.slots} made ready, ${health.operations} operations under way, ` +
                `${bytes(health.residentBytes)}, event loop ${milliseconds(health.eventLoopLagMs)} late`,
            ],
          ],
          lookOf(cli.out),
        ),
    });
    return exit.ok;
  },
});

const roomWords = ({ used, most }: { used: number; most: number | null }, what: string): string =>
  most === null ? `${used} ${what} used` : `${used} of ${most} ${what} used`;

export const doctor = defineCommand({
  name: 'doctor',
  summary:
    'Check this host: Firecracker, KVM, capabilities, file systems, network; says what to do about each finding.',
  options: {
    'kernel-config': {
      type: 'text',
      value: 'FILE',
      completes: 'file',
      summary: 'also a guest kernel’s configuration (.config, /boot/config-…): what hot-attach needs',
    },
  },
  details: [
    'Exit code 1 where there is a problem; warnings alone are no failure; 3 where the daemon can’t be reached.',
  ],
  async run({ values }, cli) {
    const path = values['kernel-config'];
    const answer = await cli
      .call('system.doctor', path === undefined ? {} : { kernelConfig: resolve(path) })
      .catch((error: unknown) => unreachable(error));
    cli.answer({
      value: { diagnoses: answer.diagnoses },
      lines: () => diagnosisLines(answer.diagnoses, lookOf(cli.out)),
    });
    if ('away' in answer) return exit.unreachable;
    return exitOf(answer.diagnoses);
  },
});

/** No daemon is the first problem that a doctor finds, not a failure of the doctor. */
function unreachable(error: unknown): { away: true; diagnoses: Diagnosis[] } {
  if (!(error instanceof ThawError) || exitCodeOf(error) !== exit.unreachable) throw error;
  const { message, detail } = error;
  return {
    away: true,
    diagnoses: [{ check: 'daemon', level: 'problem', found: message, remedy: detail.remedy }],
  };
}
