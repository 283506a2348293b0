import type { VmRecord } from '../records/vm-record.js';
import type { Difference } from '../../plugins/contract.js';
import { decide } from './decide.js';

/** What can be done about a finding without asking anybody. */
export type Repair =
  /** Undo what an earlier try could not: the VM shall be gone. */
  | 'remove'
  /** Undo the change in whose middle a VM was left. */
  | 'undo'
  /** Write the record again from memory. */
  | 'rewrite'
  /** Free what belongs to nobody. */
  | 'sweep'
  /** Make again what the host lost of bridges, tables and rules. */
  | 'mend';

/** One thing that is not as the records say. */
export interface Finding {
  /** The VM's id; null for what belongs to none. */
  readonly vm: string | null;
  readonly what: string;
  readonly problem: string;
  /** Null where it takes a person. */
  readonly repair: Repair | null;
  readonly remedy: string;
}

/** A VM as it was found while nobody worked on it. */
export interface FoundVm {
  readonly record: VmRecord;
  /** Whether its VMM lives: that very process. */
  readonly alive: boolean;
  /** Whether its record's file is there. */
  readonly written: boolean;
  /** What its steps' own checks say. */
  readonly differences: readonly Difference[];
}

/** Everything that was looked at. */
export interface Found {
  readonly vms: readonly FoundVm[];
  /** Ids of records that belong to no VM that is known. */
  readonly strayRecords: readonly string[];
  /** Ids of folders of VMs that are not known. */
  readonly strayFolders: readonly string[];
  /** Taps, rules, drafts and disks of nobody. */
  readonly strays: readonly string[];
  /** What the host lost of networks. */
  readonly lost: readonly string[];
}

/** What differs between the records and what was found, and what mends it. Pure. */
export function diff(found: Found): readonly Finding[] {
  return [
    ...found.vms.flatMap(diffVm),
    ...found.strayRecords.map((id) => ({
      vm: null,
      what: `record of ${id}`,
      problem: 'this thawd knows no such VM: somebody put it there',
      repair: null,
      remedy: 'Restart thawd: it takes up what is recorded, or undoes it',
    })),
    ...found.strayFolders.map((id) => ({
      vm: null,
      what: `folder of ${id}`,
      problem: 'no VM of thaw’s has it',
      repair: null,
      remedy: 'Remove it by hand if nobody needs it; what runs in it is shown as foreign',
    })),
    ...found.strays.map((what) => ({
      vm: null,
      what,
      problem: 'it belongs to nobody',
      repair: 'sweep' as const,
      remedy: 'None: it is removed',
    })),
    ...found.lost.map((what) => ({
      vm: null,
      what,
      problem: 'somebody took it away',
      repair: 'mend' as const,
      remedy: 'Find out what changes links and rules on this host; it is made again',
    })),
  ];
}

/** The same for one VM: looked at alone, once more, right before anything is done to it. */
export function diffVm({ record, alive, written, differences }: FoundVm): readonly Finding[] {
  const of = { vm: record.id, what: record.name ?? record.id };
  // While this daemon lives, a slot that waits is whole: it is one only because it was made to its end.
  const slot = record.name === null && !record.removing && record.pending === null && alive;
  switch (slot ? 'adopt' : decide(record, alive)) {
    case 'remove':
      return [{ ...of, ...whyRemove(record, alive), repair: 'remove' }];
    case 'undo': {
      const problem = `it was left in the middle of ${record.pending?.method ?? 'a change'}`;
      return [{ ...of, problem, repair: 'undo', remedy: 'None: the change is undone' }];
    }
    case 'adopt':
      return [
        ...(written
          ? []
          : [
              {
                ...of,
                problem: 'its record is gone',
                repair: 'rewrite' as const,
                remedy: 'None: it is written again',
              },
            ]),
        // What is kept to be looked at may be in any state.
        ...(record.kept ? [] : differences).map((difference) => ({
          vm: record.id,
          ...difference,
          repair: null,
        })),
      ];
  }
}

function whyRemove(record: VmRecord, alive: boolean): { problem: string; remedy: string } {
  if (record.removing)
    return { problem: 'it shall go, and not all could be undone', remedy: 'None: it is tried again' };
  if (record.pending?.makes === true)
    return { problem: 'it was never finished', remedy: 'None: it is undone' };
  const problem = alive ? 'nobody can take it' : 'its VMM is gone';
  return { problem, remedy: 'None: what it held is freed' };
}
