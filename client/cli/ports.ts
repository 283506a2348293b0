import type { ParamsOf } from '../../daemon/api/index.js';
import { usage } from './usage.js';

type Port = NonNullable<NonNullable<ParamsOf<'network.attach'>['nic']>['ports']>[number];

/** A port as people write it, `[ADDRESS:]HOST:GUEST[/udp]`. @throws usage */
export function readPort(name: string, text: string): Port {
  const match = /^(?:([\d.]+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (!match) throw usage(`--${name} ${text}: not of the form [ADDRESS:]HOST:GUEST[/udp]`);
  const [, address, host, guest, protocol] = match;
  return {
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    host: Number(host),
    guest: Number(guest),
    ...(address !== undefined && { address }),
  };
}
