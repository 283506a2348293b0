import { driveInUse } from '../api/errors/vm.js';

/** A file that a VM has as a drive. */
export interface DriveFile {
  /** Its real path. */
  readonly file: string;
  readonly readOnly: boolean;
}

/** Who has which file as a drive: any number of VMs read one, or a single one writes to it. */
export class Drives {
  readonly #users = new Map<string, Map<string, DriveFile>>();
  readonly #nameOf: (vm: string) => string;

  /** @param nameOf how a VM is called in errors */
  constructor(nameOf: (vm: string) => string) {
    this.#nameOf = nameOf;
  }

  /** Takes files for a VM, all or none. @throws driveInUse */
  take(vm: string, drives: readonly DriveFile[]): void {
    for (const [index, drive] of drives.entries()) {
      const twice = drives.slice(0, index).some((other) => clash(other, drive));
      const by = twice ? vm : this.#against(vm, drive);
      if (by !== undefined) throw driveInUse({ path: drive.file, by: this.#nameOf(by) });
    }
    for (const drive of drives) {
      const users = this.#users.get(drive.file) ?? new Map<string, DriveFile>();
      this.#users.set(drive.file, users.set(vm, drive));
    }
  }

  /** Gives back all that a VM had. */
  free(vm: string): void {
    for (const [file, users] of this.#users) {
      if (users.delete(vm) && users.size === 0) this.#users.delete(file);
    }
  }

  /** Another VM that can't share this file. */
  #against(vm: string, drive: DriveFile): string | undefined {
    for (const [user, other] of this.#users.get(drive.file) ?? []) {
      if (user !== vm && clash(other, drive)) return user;
    }
    return undefined;
  }
}

const clash = (a: DriveFile, b: DriveFile): boolean => a.file === b.file && !(a.readOnly && b.readOnly);
