import type { ParamsOf } from '../../daemon/api/index.js';
import { readFields } from './values.js';

type Nic = NonNullable<ParamsOf<'snapshot.restore'>['nics']>[number];

/** The NICs that `--network` and `--nic` ask for, networks first. @throws usage */
export function nicsOf(networks: readonly string[], nics: readonly string[]): Nic[] {
  return [
    ...networks.map((network) => ({ network })),
    ...nics.map((text) => readFields('nic', text, ['network', 'address', 'mac'])),
  ];
}
