/** Firecracker's command line: its arguments, and its refusals (src/utils/src/arg_parser.rs, v1.16.1). */
interface Argument {
  readonly value?: boolean;
  readonly standard?: string;
  readonly requires?: string;
  readonly forbids?: string;
  readonly help: string;
}

const known: Readonly<Record<string, Argument>> = {
  'api-sock': {
    value: true,
    standard: '/run/firecracker.socket',
    help: 'Path to unix domain socket used by the API.',
  },
  'boot-timer': {
    help: 'Whether or not to load boot timer device for logging elapsed time since InstanceStart command.',
  },
  'config-file': {
    value: true,
    help: 'Path to a file that contains the microVM configuration in JSON format.',
  },
  'describe-snapshot': {
    value: true,
    help: 'Print the data format version of the provided snapshot state file.',
  },
  'enable-pci': { help: 'Enables PCIe support.' },
  'http-api-max-payload-size': {
    value: true,
    standard: '51200',
    help: 'Http API request payload max size, in bytes.',
  },
  help: { help: 'Show the help message.' },
  id: { value: true, standard: 'anonymous-instance', help: 'MicroVM unique identifier.' },
  level: { value: true, help: 'Set the logger level.' },
  'log-path': { value: true, help: 'Path to a fifo or a file used for configuring the logger on startup.' },
  metadata: { value: true, help: 'Path to a file that contains metadata in JSON format to add to the mmds.' },
  'metrics-path': {
    value: true,
    help: 'Path to a fifo or a file used for configuring the metrics on startup.',
  },
  'mmds-size-limit': { value: true, help: 'Mmds data store limit, in bytes.' },
  module: { value: true, help: 'Set the logger module filter.' },
  'no-api': {
    requires: 'config-file',
    help: 'Optional parameter which allows starting and using a microVM without an active API socket.',
  },
  'no-seccomp': {
    forbids: 'seccomp-filter',
    help: 'Optional parameter which allows starting and using a microVM without seccomp filtering. Not recommended.',
  },
  'parent-cpu-time-us': {
    value: true,
    help: 'Parent process CPU time (wall clock, microseconds). This parameter is optional.',
  },
  'seccomp-filter': {
    value: true,
    forbids: 'no-seccomp',
    help: 'Optional parameter which allows specifying the path to a custom seccomp filter. For advanced users.',
  },
  'show-level': { help: 'Whether or not to output the level in the logs.' },
  'show-log-origin': { help: "Whether or not to include the file path and line number of the log's origin." },
  'snapshot-version': { help: 'Print the supported data format version.' },
  'start-time-cpu-us': {
    value: true,
    help: 'Process start CPU time (wall clock, microseconds). This parameter is optional.',
  },
  'start-time-us': {
    value: true,
    help: 'Process start time (wall clock, microseconds). This parameter is optional.',
  },
  version: { help: 'Print the binary version number.' },
};

/** A refusal: the sentence for the log and Rust's debug form for stderr. */
export class ArgumentError extends Error {
  constructor(
    message: string,
    readonly debug: string,
  ) {
    super(message);
  }
}

const unexpected = (name: string): ArgumentError =>
  new ArgumentError(
    `Found argument '${name}' which wasn't expected, or isn't valid in this context.`,
    `UnexpectedArgument(${JSON.stringify(name)})`,
  );

export interface Arguments {
  readonly help: boolean;
  readonly version: boolean;
  flag(name: string): boolean;
  value(name: string): string | undefined;
}

function checkCompany(given: ReadonlyMap<string, string>, words: readonly string[]): void {
  for (const [name, argument] of Object.entries(known)) {
    if (!given.has(name)) continue;
    const { requires, forbids } = argument;
    if (requires !== undefined && !words.includes(`--${requires}`)) {
      throw new ArgumentError(
        `Argument '${requires}' required, but not found.`,
        `MissingArgument("${requires}")`,
      );
    }
    if (forbids !== undefined && words.includes(`--${forbids}`)) {
      throw new ArgumentError(
        `Argument '${forbids}' cannot be used together with argument '${name}'.`,
        `ForbiddenArgument("${name}", "${forbids}")`,
      );
    }
  }
}

function collect(words: readonly string[], names: ReadonlySet<string>): Map<string, string> {
  const given = new Map<string, string>();
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    if (!word.startsWith('--')) throw unexpected(word);
    const name = word.slice(2);
    const argument = names.has(name) ? known[name] : undefined;
    if (!argument) throw unexpected(name);
    if (given.has(name)) {
      throw new ArgumentError(
        `The argument '${name}' was provided more than once.`,
        `DuplicateArgument("${name}")`,
      );
    }
    if (!argument.value) {
      given.set(name, '');
      continue;
    }
    i += 1;
    const value = words[i];
    if (value === undefined || value.startsWith('--')) {
      throw new ArgumentError(
        `The argument '${name}' requires a value, but none was supplied.`,
        `MissingValue("${name}")`,
      );
    }
    given.set(name, value);
  }
  return given;
}

/** Parses the words after the program's name; `pci` says whether this version knows `--enable-pci`. */
export function parseCommandLine(all: readonly string[], pci: boolean): Arguments {
  const separator = all.indexOf('--');
  const words = separator < 0 ? all : all.slice(0, separator);
  const help = words.includes('--help') || words.includes('-h');
  const version = !help && words.includes('--version');
  const names = new Set(
    Object.keys(known).filter((name) => name !== 'help' && (pci || name !== 'enable-pci')),
  );
  const given = help || version ? new Map<string, string>() : collect(words, names);
  checkCompany(given, words);
  return {
    help,
    version,
    flag: (name) => given.has(name),
    value: (name) => given.get(name) ?? known[name]?.standard,
  };
}

/** What `--help` prints after the version. */
export function helpText(): string {
  const width = Math.max(...Object.keys(known).map((name) => usage(name).length));
  const lines = Object.entries(known).map(([name, argument]) => {
    const standard = argument.standard === undefined ? '' : ` [default: "${argument.standard}"]`;
    return `${usage(name).padEnd(width)}   ${argument.help}${standard}`;
  });
  return ['optional arguments:', ...lines].join('\n');
}

function usage(name: string): string {
  return known[name]?.value ? `  --${name} <${name}>` : `  --${name}`;
}

/** Why an instance id is refused, in Rust's debug form, or undefined. */
export function instanceIdError(id: string): string | undefined {
  const length = Buffer.byteLength(id);
  if (length > 64 || length < 1) return `InvalidLen(${length}, 1, 64)`;
  const stranger = /[^-\p{Alphabetic}\p{N}]/u.exec(id);
  if (!stranger) return undefined;
  const position = Array.from(id.slice(0, stranger.index)).length;
  return `InvalidChar('${stranger[0]}', ${position})`;
}
