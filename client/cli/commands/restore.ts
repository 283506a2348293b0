import { ThawError } from '../../../daemon/api/thaw-error.js';
import type { ParamsOf, ResultOf } from '../../../daemon/api/index.js';
import { defineCommand, firstWord } from '../command.js';
import { exit, exitCodeOfMany } from '../exit.js';
import { choiceOf, countOption, networkDetails, networkOptions, passedOverLines } from '../network-choice.js';
import { partOptions, switchesOf } from '../parts.js';
import { usage } from '../usage.js';
import { readLabels } from '../values.js';
import { limitOptions, limitsOf } from '../limits.js';
import { ttlOption } from '../ttl.js';
import { vmDone } from '../vm-view.js';

const hour = 3_600_000;

export const restore = defineCommand({
  name: 'restore',
  aliases: ['snapshot restore'],
  summary: 'Restore clones of a snapshot side by side; each is ready once its guest has confirmed who it is.',
  positionals: [{ name: 'SNAPSHOT', completes: 'snapshot' }],
  options: {
    count: countOption,
    name: { type: 'text', value: 'NAME', multiple: true, summary: 'the name of a clone, instead of --count' },
    ...networkOptions,
    'ready-timeout': {
      type: 'duration',
      value: 'TIME',
      min: 1,
      max: hour,
      summary: 'for the guest to confirm (else 30s)',
    },
    ping: { type: 'flag', summary: 'also ping the guest before calling it ready' },
    ttl: ttlOption,
    ...limitOptions,
    'keep-on-failure': {
      type: 'flag',
      summary: 'keep what is there of a clone that failed, to be looked at',
    },
    label: { type: 'text', value: 'KEY=VALUE', multiple: true, summary: 'a label of your own' },
    ...partOptions,
    'user-data': {
      type: 'text',
      value: 'FILE',
      completes: 'file',
      summary: 'text for the guest, in its identity file and its scripts’ environment; - for stdin',
    },
  },
  details: [
    'A clone that fails takes no other with it and leaves nothing behind: the exit code is then 6, or that of the error where all failed.',
    networkDetails,
  ],
  examples: [
    'thaw restore base -n 3',
    'thaw restore base --strategy auto',
    'thaw restore base --name web-1 --name web-2 --network front',
    'thaw restore base --nic address=10.209.0.9,port=8080:80,rx=100mbit,tx=10mbit',
  ],
  async run({ values, words }, cli) {
    if (values.count !== undefined && values.name.length > 0) throw usage('Give --count or names, not both');
    const params: ParamsOf<'snapshot.restore'> = {
      snapshot: firstWord(words),
      ...(values.count === undefined ? {} : { count: values.count }),
      ...(values.name.length === 0 ? {} : { names: [...values.name] }),
      ...choiceOf(values),
      ...(values['ready-timeout'] === undefined ? {} : { readyTimeout: values['ready-timeout'] }),
      ping: values.ping,
      ...limitsOf(values),
      ...(values.ttl === undefined ? {} : { ttl: values.ttl }),
      keepOnFailure: values['keep-on-failure'],
      labels: readLabels(values.label),
      ...switchesOf(values),
      ...(values['user-data'] === undefined ? {} : { userData: await cli.read(values['user-data']) }),
    };
    const value = await cli.watch('snapshot.restore', params);
    if (params.strategy === 'auto') {
      for (const line of [`the strategy is ${value.chosen}`, ...passedOverLines(value)]) cli.note(line);
    }
    const made = value.clones.flatMap((clone) => (clone.ok ? [clone.vm] : []));
    const failed = value.clones.flatMap((clone) => (clone.ok ? [] : [clone]));
    cli.answer({
      value,
      names: () => made.map((vm) => vm.id),
      lines: () => made.flatMap((vm) => vmDone(vm, cli.out.paint)),
    });
    const errors = failed.map((clone) => ({ name: clone.name, error: errorOf(clone) }));
    const undone = cli.signal.aborted ? errors.filter(({ error }) => error.reason === 'cancelled') : [];
    // For programs the result above holds them already.
    if (!cli.json) {
      for (const one of errors) if (!undone.includes(one)) cli.complain(one.error, one.name);
      if (undone.length > 0)
        cli.note(`${undone.length} of ${value.clones.length} clones were cancelled and undone`);
    }
    if (undone.length > 0) return exit.interrupted;
    return exitCodeOfMany(
      errors.map(({ error }) => error),
      value.clones.length,
    );
  },
});

type FailedClone = Extract<ResultOf<'snapshot.restore'>['clones'][number], { ok: false }>;

function errorOf({ error }: FailedClone): ThawError {
  return new ThawError({ code: error.code, message: error.message, detail: error.data });
}
