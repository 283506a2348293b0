import type { Diagnosis } from '../api/system.js';
import type { FileSystemFacts } from '../effects/doctor.js';
import { ok, problem, warning } from './diagnosis.js';

export interface DirectoryFacts {
  readonly runDir: string;
  readonly runFileSystem: FileSystemFacts | null;
  readonly storeDir: string;
  readonly storeFileSystem: FileSystemFacts | null;
  /** Null where a reflink in the store worked, else the errno. */
  readonly reflink: string | null;
}

/** `f_type` of statfs(2), from linux/magic.h and the file systems' own headers. */
const names: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlayfs',
  0x2fc12fc1: 'zfs',
  0x6969: 'nfs',
  0xff534d42: 'cifs',
  0xca451a4e: 'bcachefs',
  0x858458f6: 'ramfs',
};

const nameOf = ({ magic }: FileSystemFacts): string => names[magic] ?? `file system 0x${magic.toString(16)}`;
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** The longest path that a VM's folder adds: `/vms/`, the id, its longest socket. */
const longestSocket = '/vms/vm-0123456789/api.sock';
const kernelLimit = 107;

function runDirectory({ runDir, runFileSystem }: DirectoryFacts): readonly Diagnosis[] {
  const check = 'run directory';
  const length = Buffer.byteLength(runDir + longestSocket);
  const long =
    length > kernelLimit
      ? [
          problem(
            `${check} length`,
            `Sockets beneath ${runDir} would have paths of ${length} bytes; the kernel allows ${kernelLimit}`,
            `Configure a "runDir" of at most ${kernelLimit - longestSocket.length} bytes`,
          ),
        ]
      : [];
  if (runFileSystem === null)
    return [problem(check, `${runDir} is not there`, 'Start thawd again: it makes it'), ...long];
  const name = nameOf(runFileSystem);
  const volatile = name === 'tmpfs' || name === 'ramfs';
  return [
    volatile
      ? ok(check, `${runDir} on ${name}`)
      : warning(
          check,
          `${runDir} lies on ${name}: records outlive the host’s restart, which ends every VM, and are written slower`,
          'Configure a "runDir" on a tmpfs, such as /run/thawd',
        ),
    ...long,
  ];
}

const least = 2 ** 30;

function space(storeDir: string, { freeBytes, totalBytes }: FileSystemFacts): Diagnosis {
  const found = `${gib(freeBytes)} of ${gib(totalBytes)} free at ${storeDir}`;
  const remedy = 'Delete snapshots that are no longer wanted, or enlarge the file system';
  if (freeBytes < least) return problem('space', found, remedy);
  return freeBytes < 0.1 * totalBytes ? warning('space', found, remedy) : ok('space', found);
}

function store({ storeDir, storeFileSystem, reflink }: DirectoryFacts): readonly Diagnosis[] {
  const check = 'store';
  if (storeFileSystem === null)
    return [problem(check, `${storeDir} is not there`, 'Start thawd again: it makes it')];
  const name = nameOf(storeFileSystem);
  const shaky: Readonly<Record<string, string>> = {
    tmpfs: 'snapshots lie in memory and are gone with the host’s next restart',
    ramfs: 'snapshots lie in memory and are gone with the host’s next restart',
    nfs: 'the memory of clones is read over the network',
    cifs: 'the memory of clones is read over the network',
    overlayfs: 'snapshots go with the container',
  };
  const why = shaky[name];
  return [
    why === undefined
      ? ok(check, `${storeDir} on ${name}`)
      : warning(check, `${storeDir} lies on ${name}: ${why}`, 'Configure a "storeDir" on a local disk'),
    reflink === null
      ? ok('reflink', `${name} shares blocks: a clone’s disks cost no copy`)
      : warning(
          'reflink',
          `${name} can't share blocks between files (${reflink}): each clone’s disks are copied in full`,
          'Put the store on xfs (reflink=1, the default) or btrfs; clones without drives are not concerned',
        ),
    space(storeDir, storeFileSystem),
  ];
}

/** Where VMs and snapshots lie. */
export function judgeDirectories(facts: DirectoryFacts): readonly Diagnosis[] {
  return [...runDirectory(facts), ...store(facts)];
}
