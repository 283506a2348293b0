import { resolve } from 'node:path';
import { defineCommand, firstWord } from '../command.js';
import { diagnosisLines, exitOf } from '../diagnosis.js';
import { exit } from '../exit.js';
import { planPreparation } from '../guest/plan.js';
import { Tree } from '../guest/tree.js';
import { lookOf } from '../terminal.js';
import { clean } from '../text.js';
import { timeout } from './agent.js';

const architectures = ['x64', 'arm64'] as const;

export const prepare = defineCommand({
  name: 'guest prepare',
  summary:
    'Put what a guest needs into an unpacked root file system; tells what it did, and does nothing twice.',
  positionals: [{ name: 'ROOTFS-DIR', completes: 'file' }],
  options: {
    port: {
      type: 'int',
      value: 'PORT',
      min: 1,
      max: 1023,
      summary: 'the agent’s vsock port, which only root can listen on (else 999)',
    },
    arch: {
      type: 'text',
      value: 'ARCH',
      completes: architectures,
      summary: 'the guest’s processor (else its programs’)',
    },
    'dry-run': { type: 'flag', summary: 'only tell what would be done' },
  },
  details: [
    'A service that runs qemu-ga on vsock (systemd, OpenRC, or a line of /etc/inittab), vsock_loopback blocked, /etc/thaw/restore.d, and the program that reseeds the kernel.',
    'Links of the tree are followed as the guest would follow them: nothing outside of it is ever touched.',
  ],
  examples: ['thaw guest prepare ./rootfs', 'thaw guest prepare ./rootfs --dry-run --port 998'],
  run({ values, words }, cli) {
    const tree = new Tree(resolve(firstWord(words)));
    const { wanted, notes } = planPreparation(tree, { port: values.port ?? 999, arch: values.arch ?? null });
    const dry = values['dry-run'];
    const files = wanted.map((one) => ({ path: one.path, is: tree.make(one, dry) }));
    cli.answer({
      value: { files, notes, dryRun: dry },
      lines: () =>
        files.map(
          ({ path, is }) =>
            `${is.padEnd(10)}${clean(path)}${dry && is !== 'unchanged' ? '  (not done)' : ''}`,
        ),
    });
    for (const note of notes) cli.note(note);
    return Promise.resolve(exit.ok);
  },
});

export const guestCheck = defineCommand({
  name: 'guest check',
  aliases: ['agent check'],
  summary: 'Look what a running guest lacks of what thaw needs, and what to do about it; changes nothing.',
  positionals: [{ name: 'VM', completes: 'vm' }],
  options: timeout,
  details: [
    'Exit code 1 where there is a problem; warnings alone are no failure.',
    'Best asked of a source before its snapshot: clones have what it has.',
  ],
  async run({ values, words }, cli) {
    const value = await cli.call('agent.check', {
      vm: firstWord(words),
      ...(values.timeout === undefined ? {} : { timeout: values.timeout }),
    });
    cli.answer({ value, lines: () => diagnosisLines(value.diagnoses, lookOf(cli.out)) });
    return exitOf(value.diagnoses);
  },
});
