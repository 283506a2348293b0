/** The command line: what v1.16.1 prints and how it exits, noted from the real binary. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import t from 'tap';
import { standin } from './conformance/targets.js';
import { folder } from './lab.js';

interface Run {
  args: string[];
  code: number | null;
  signal?: string;
  /** Without the time stamps. */
  out: string[];
  err: string;
}

const more = String.raw` \n\nFor more information try --help.`;
const main = '[anonymous-instance:main]';
const refused = (args: string[], message: string, debug: string): Run => ({
  args,
  code: 153,
  out: [
    `${main} Arguments parsing error: ${message}${more}`,
    `${main} Firecracker exiting with error. exit_code=153`,
  ],
  err: `Error: ParseArguments(${debug})`,
});
const unexpected = (word: string, name: string): Run =>
  refused(
    [word],
    `Found argument '${name}' which wasn't expected, or isn't valid in this context.`,
    `UnexpectedArgument("${name}")`,
  );

const runs: Run[] = [
  unexpected('--bogus', 'bogus'),
  unexpected('foo', 'foo'),
  refused(
    ['--api-sock'],
    "The argument 'api-sock' requires a value, but none was supplied.",
    'MissingValue("api-sock")',
  ),
  refused(
    ['--id', 'x', '--id', 'y'],
    "The argument 'id' was provided more than once.",
    'DuplicateArgument("id")',
  ),
  refused(['--no-api'], "Argument 'config-file' required, but not found.", 'MissingArgument("config-file")'),
  refused(
    ['--no-seccomp', '--seccomp-filter', 'x'],
    "Argument 'seccomp-filter' cannot be used together with argument 'no-seccomp'.",
    'ForbiddenArgument("no-seccomp", "seccomp-filter")',
  ),
  {
    args: ['--version', '--bogus'],
    code: 0,
    out: ['Firecracker v1.16.1', '', `${main} Firecracker exiting successfully. exit_code=0`],
    err: '',
  },
  {
    args: ['--snapshot-version'],
    code: 0,
    out: ['v10.0.0', `${main} Firecracker exiting successfully. exit_code=0`],
    err: '',
  },
  {
    args: ['--level', 'Foo'],
    code: 152,
    out: [
      `${main} Invalid value for logger level: Failed to parse string to level filter: Foo.Possible values: [Error, Warning, Info, Debug]`,
      `${main} Firecracker exiting with error. exit_code=152`,
    ],
    err: 'Error: InvalidLogLevel(LevelFilterFromStrError("Foo"))',
  },
  {
    args: ['--api-sock', '/nonexist/x'],
    code: 1,
    out: [
      `${main} Running Firecracker v1.16.1`,
      `${main} RunWithApiError error: Failed to bind and run the HTTP server: IO error: No such file or directory (os error 2)`,
      `${main} Firecracker exiting with error. exit_code=1`,
    ],
    err: 'Error: RunWithApi(FailedToBindAndRunHttpServer(IOError(Os { code: 2, kind: NotFound, message: "No such file or directory" })))',
  },
  {
    args: ['--api-sock', 'stale'],
    code: 1,
    out: [
      `${main} Running Firecracker v1.16.1`,
      `${main} RunWithApiError error: Failed to open the API socket at: stale. Check that it is not already used.`,
      `${main} Firecracker exiting with error. exit_code=1`,
    ],
    err: 'Error: RunWithApi(FailedToBindSocket("stale"))',
  },
  {
    args: ['--describe-snapshot', '/nope'],
    code: 1,
    out: [
      `${main} When printing Snapshot Data format: Unable to open snapshot state file: No such file or directory (os error 2)`,
      `${main} Firecracker exiting with error. exit_code=1`,
    ],
    err: 'Error: PrintSnapshotDataFormat(OpenSnapshot(Os { code: 2, kind: NotFound, message: "No such file or directory" }))',
  },
  {
    args: ['--id', 'a_b'],
    code: null,
    signal: 'SIGABRT',
    out: [
      `${main} Firecracker panicked at src/firecracker/src/main.rs:309:48:`,
      "Invalid instance ID: InvalidChar('_', 1)",
    ],
    err: '',
  },
  {
    args: ['--config-file', '/nope'],
    code: null,
    signal: 'SIGABRT',
    out: [
      `${main} Running Firecracker v1.16.1`,
      `${main} Firecracker panicked at src/firecracker/src/main.rs:388:20:`,
      'Unable to open or read from the configuration file: Os { code: 2, kind: NotFound, message: "No such file or directory" }',
    ],
    err: '',
  },
];

const real = process.env['FIRECRACKER_BIN'];
const skip =
  real !== undefined && !spawnSync(real, ['--version'], { encoding: 'utf8' }).stdout.includes('v1.16.1');

t.test('arguments are refused and obeyed as by v1.16.1', { skip: skip && 'another version' }, (t) => {
  const cwd = folder(t);
  fs.writeFileSync(`${cwd}/stale`, '');
  for (const run of runs) {
    const { status, signal, stdout, stderr } = spawnSync(real ?? standin, run.args, {
      cwd,
      encoding: 'utf8',
    });
    const out = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^\S+ (?=\[)/, ''));
    const seen = {
      args: run.args,
      code: status,
      ...(signal ? { signal } : {}),
      out,
      err: stderr.trim(),
    };
    t.same(seen, run, run.args.join(' '));
  }
  t.end();
});

t.test('--help names every argument', (t) => {
  const { stdout, status } = spawnSync(real ?? standin, ['--help'], { encoding: 'utf8' });
  t.equal(status, 0);
  for (const name of [
    'api-sock',
    'id',
    'enable-pci',
    'no-seccomp',
    'config-file',
    'log-path',
    'level',
    'metrics-path',
    'version',
    'snapshot-version',
  ]) {
    t.match(stdout, new RegExp(`^  --${name} `, 'm'));
  }
  t.match(
    stdout,
    '  --api-sock <api-sock>                                     Path to unix domain socket used by the API. [default: "/run/firecracker.socket"]',
  );
  t.end();
});
