import { parseArgs } from 'node:util';
import { configInvalid } from './api/errors/host.js';
import { ThawError } from './api/thaw-error.js';
import { compose, type Running } from './composition.js';
import type { Config } from './config/schema.js';
import { parseConfig } from './config/parse.js';
import { version } from './config/version.js';
import { configText } from './effects/config.js';
import { isJournal } from './effects/journal.js';
import { openLog } from './log/logger.js';

const defaultPath = '/etc/thaw/config.json';

const usage = `thawd ${version}: restores Firecracker microVMs as networked, correctly identified machines

usage: thawd [--config FILE] [--slice NAME] [--stop-vms]

  --config FILE   default ${defaultPath}, and built-in defaults where that is missing
  --slice NAME    systemd starts the VMMs, as services of their own under this slice
  --stop-vms      end the VMs that thaw has made when it is stopped
  --version
  --help

SIGTERM and SIGINT stop it; VMs live on, and the next thawd takes them up. SIGHUP reads the configuration again.
`;

/** Reads the arguments; anything else than the options above is refused. */
function readArguments() {
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      slice: { type: 'string' },
      'stop-vms': { type: 'boolean' },
      version: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  return values;
}

/** Closes all before the process ends: the end of a VMM, which is let go of so that it may outlive us, keeps nobody here. */
async function close(daemon: Running): Promise<void> {
  const here = setInterval(() => undefined, 60_000);
  try {
    await daemon.close();
  } finally {
    clearInterval(here);
  }
}

async function main(): Promise<void> {
  const options = readArguments();
  if (options.help || options.version) {
    process.stdout.write(options.help ? usage : `${version}\n`);
    return;
  }
  const path = options.config ?? defaultPath;
  const read = async (): Promise<Config> => {
    const text = await configText(path);
    if (text === null && options.config !== undefined)
      throw configInvalid({ path, problems: 'it is not there' });
    return parseConfig(text ?? '{}', path);
  };
  const config = await read();
  const log = openLog(config.log.level, isJournal(process.env) ? 'journal' : 'json');
  let closing: Promise<void> | null = null;
  const stop = (why: object): void => {
    log.info(why, 'stopping');
    closing ??= starting.then(
      async (daemon) => {
        await close(daemon);
        log.info({}, 'stopped');
        // All is closed; what a library has left open (a watch that chokidar made while it was closed) is no reason to stay.
        process.exit();
      },
      // A start that failed is told of below.
      () => undefined,
    );
  };
  const { slice, 'stop-vms': stopVms = false } = options;
  const starting = compose({ config, read, stopVms, slice, onIdle: () => stop({ idle: true }) }, log);
  // Those that come while it takes up what an earlier one left are heeded as soon as that is done. What is wrong with a
  // configuration is told in the log and as an event.
  process.on('SIGHUP', () => void starting.then((daemon) => daemon.reload()).catch(() => undefined));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop({ signal }));
  await starting;
}

main().catch((error: unknown) => {
  const known = error instanceof ThawError;
  process.stderr.write(
    known ? `thawd: ${error.message}\n→ ${error.detail.remedy}\n` : `thawd: ${String(error)}\n`,
  );
  process.exitCode = 1;
});
