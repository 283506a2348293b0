import { parseArgs } from 'node:util';
import { configInvalid } from './api/errors/host.js';
import { ThawError } from './api/thaw-error.js';
import { compose } from './composition.js';
import { parseConfig } from './config/parse.js';
import { version } from './config/version.js';
import { configText } from './effects/config.js';
import { openLog } from './log/logger.js';

const defaultPath = '/etc/thaw/config.json';

const usage = `thawd ${version}: restores Firecracker microVMs as networked, correctly identified machines

usage: thawd [--config FILE] [--slice NAME]

  --config FILE   default ${defaultPath}, and built-in defaults where that is missing
  --slice NAME    systemd starts the VMMs, as services of their own under this slice
  --version
  --help

SIGTERM and SIGINT stop it; VMs live on, and the next thawd takes them up.
`;

/** Reads the arguments; anything else than the options above is refused. */
function readArguments() {
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      slice: { type: 'string' },
      version: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  return values;
}

async function main(): Promise<void> {
  const options = readArguments();
  if (options.help || options.version) {
    process.stdout.write(options.help ? usage : `${version}\n`);
    return;
  }
  const path = options.config ?? defaultPath;
  const text = await configText(path);
  if (text === null && options.config !== undefined)
    throw configInvalid({ path, problems: 'it is not there' });
  const config = parseConfig(text ?? '{}', path);
  const log = openLog(config.log.level);
  const daemon = await compose(config, log, { slice: options.slice });
  let closing: Promise<void> | null = null;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info({ signal }, 'stopping');
      closing ??= daemon.close().then(() => log.info({}, 'stopped'));
    });
  }
}

main().catch((error: unknown) => {
  const known = error instanceof ThawError;
  process.stderr.write(
    known ? `thawd: ${error.message}\n→ ${error.detail.remedy}\n` : `thawd: ${String(error)}\n`,
  );
  process.exitCode = 1;
});
