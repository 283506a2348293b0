import type { ParamsOf } from '../../daemon/api/index.js';
import { usage } from './usage.js';

/** What a VMM may use. */
export const limitOptions = {
  'limit-memory': {
    type: 'mebibytes',
    value: 'MIB',
    min: 1,
    summary: 'most memory of its VMM, the guest’s included, in MiB or like 2G',
  },
  'limit-cpus': { type: 'text', value: 'N', summary: 'most processors’ worth of time, e.g. 1.5' },
  'limit-pids': { type: 'int', value: 'N', min: 4, summary: 'most threads and processes' },
} as const;

/** What they ask for. @throws usage */
export function limitsOf(values: {
  'limit-memory': number | undefined;
  'limit-cpus': string | undefined;
  'limit-pids': number | undefined;
}): Pick<ParamsOf<'vm.boot'>, 'limits'> {
  const { 'limit-memory': memoryMib, 'limit-cpus': text, 'limit-pids': pids } = values;
  if (text !== undefined && !/^\d{1,4}(\.\d{1,3})?$/.test(text))
    throw usage(`--limit-cpus ${text}: not a number like 2 or 0.5`);
  if (memoryMib === undefined && text === undefined && pids === undefined) return {};
  return {
    limits: {
      ...(memoryMib === undefined ? {} : { memoryMib }),
      ...(text === undefined ? {} : { cpus: Number(text) }),
      ...(pids === undefined ? {} : { pids }),
    },
  };
}
