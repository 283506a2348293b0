/** A stand-in for Firecracker: its command line, its API, and a guest of Linux namespaces. See README.md. */
import fs from 'node:fs';
import { route } from './api/routes.js';
import { faultAnswer } from './api/response.js';
import { levelNamed } from './api/bodies.js';
import { listen } from './api/server.js';
import {
  ArgumentError,
  type Arguments,
  helpText,
  instanceIdError,
  parseCommandLine,
} from './command-line.js';
import { listenForFaults } from './control.js';
import { bootFromFile, readConfigFile } from './config-file.js';
import { fail, panic, succeed } from './ending.js';
import { engineNamed } from './engines/engines.js';
import { environment } from './environment.js';
import { FatalFault, Fault } from './errors.js';
import { Faults, type FaultWish } from './faults.js';
import { configureLog, log, nameInstance } from './log.js';
import { Vmm } from './machine/vmm.js';
import { readStateFile } from './machine/state-file.js';
import { bindErrno, errnoText, ioErrorDebug, ioErrorText } from './native/errno.js';
import { exitProcess } from './native/libc.js';
import { warmUp } from './warm-up.js';
import { formatName, versionNamed } from './versions.js';

const version = versionNamed(environment.version);

function readArguments(): Arguments {
  try {
    return parseCommandLine(process.argv.slice(2), version.pci);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    // The backslashes are Firecracker's own: displaydoc leaves them as they are.
    return fail(
      `Arguments parsing error: ${error.message} \\n\\nFor more information try --help.`,
      `ParseArguments(${error.debug})`,
      153,
    );
  }
}

function describeSnapshot(path: string): never {
  try {
    readStateFile(path, version);
    return succeed(`${formatName(version)}\n`);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const opened = /^Failed to open snapshot file: (.*\(os error (\d+)\))$/.exec(error.message);
    if (opened) {
      return fail(
        `When printing Snapshot Data format: Unable to open snapshot state file: ${opened[1]}`,
        `PrintSnapshotDataFormat(OpenSnapshot(${ioErrorDebug(Number(opened[2]))}))`,
        1,
      );
    }
    const why = error.message.replace('Failed to load snapshot state from file: ', '');
    return fail(
      `When printing Snapshot Data format: Invalid data format version of snapshot file: ${why}`,
      `PrintSnapshotDataFormat(SnapshotVersion(${why}))`,
      1,
    );
  }
}

function setUpLog(args: Arguments): void {
  const levelText = args.value('level');
  const level = levelText === undefined ? null : levelNamed(levelText);
  if (level === undefined) {
    fail(
      `Invalid value for logger level: Failed to parse string to level filter: ${levelText}.Possible values: [Error, Warning, Info, Debug]`,
      `InvalidLogLevel(LevelFilterFromStrError(${JSON.stringify(levelText)}))`,
      152,
    );
  }
  try {
    configureLog({
      log_path: args.value('log-path') ?? null,
      level,
      show_level: args.flag('show-level') || null,
    });
  } catch (error) {
    fail(
      `Could not initialize logger: Failed to open target file: ${ioErrorText(error)}`,
      'LoggerInitialization',
      1,
    );
  }
}

async function run(): Promise<void> {
  const args = readArguments();
  if (args.help) succeed(`Firecracker v${version.name}\n\n${helpText()}\n`);
  if (args.version || args.flag('version')) succeed(`Firecracker v${version.name}\n\n`);
  if (args.flag('snapshot-version')) succeed(`${formatName(version)}\n`);
  const described = args.value('describe-snapshot');
  if (described !== undefined) describeSnapshot(described);

  const id = args.value('id') ?? '';
  const idError = instanceIdError(id);
  if (idError !== undefined) panic(`Invalid instance ID: ${idError}`, 'main.rs:309:48');
  nameInstance(id);
  setUpLog(args);
  log(`Running Firecracker v${version.name}`);

  const faults = new Faults();
  if (environment.faults) faults.add(JSON.parse(environment.faults) as FaultWish[]);
  if (environment.control) listenForFaults(environment.control, faults);
  const engine = engineNamed(environment.engine, faults);
  const vmm = new Vmm({ id, version, pci: args.flag('enable-pci'), faults, engine });
  const path = args.value('config-file');
  const file = path === undefined ? undefined : readConfigFile(path);
  let booted: () => void = () => undefined;
  // The API listens while a VM from a file boots, and answers when it has.
  const ready = file === undefined ? Promise.resolve() : new Promise<void>((resolve) => (booted = resolve));
  if (!args.flag('no-api')) await serve(args, vmm, faults, ready);
  if (file !== undefined) await bootFromFile(vmm, file, version);
  booted();
  // Made while nobody waits: a boot or a load finds its namespaces ready.
  if (file !== undefined) return;
  setImmediate(() => {
    engine.warm();
    warmUp(version);
  });
}

async function serve(args: Arguments, vmm: Vmm, faults: Faults, ready: Promise<void>): Promise<void> {
  const path = args.value('api-sock') ?? '';
  try {
    await listen(path, Number(args.value('http-api-max-payload-size')), async (request) => {
      await ready;
      try {
        return await faults.around('api', () => vmm.handle(route(request, version)));
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        log(`Received Error. Status code: 400 Bad Request. Message: ${error.message}`, 'Error', 'fc_api');
        // The answer goes out first; the process ends right behind it.
        if (error instanceof FatalFault)
          setTimeout(
            () =>
              fail(
                'RunWithApiError error: Failed to build MicroVM: Loading snapshot failed..',
                'RunWithApi(BuildMicroVmError(Restore))',
                1,
              ),
            2,
          );
        return faultAnswer(error.message, error.status);
      }
    });
  } catch (error) {
    const errno = bindErrno(error, path);
    if (errno === 98) {
      fail(
        `RunWithApiError error: Failed to open the API socket at: ${path}. Check that it is not already used.`,
        `RunWithApi(FailedToBindSocket(${JSON.stringify(path)}))`,
        1,
      );
    }
    fail(
      `RunWithApiError error: Failed to bind and run the HTTP server: IO error: ${errnoText(errno)} (os error ${errno})`,
      `RunWithApi(FailedToBindAndRunHttpServer(IOError(${ioErrorDebug(errno)})))`,
      1,
    );
  }
  log('API server started.', 'Info', 'fc_api');
}

run().catch((error: unknown) => {
  fs.writeSync(2, `the stand-in failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  exitProcess(1);
});
