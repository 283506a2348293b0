/** guest-network-get-interfaces, from the guest's sysfs and getifaddrs(3). Called inside its namespaces. */
import fs from 'node:fs';
import os from 'node:os';

function counter(name: string, which: string): number {
  return Number(fs.readFileSync(`/sys/class/net/${name}/statistics/${which}`, 'utf8'));
}

function one(name: string): unknown {
  const addresses = (os.networkInterfaces()[name] ?? []).map((address) => ({
    'ip-address-type': address.family.toLowerCase(),
    'ip-address': address.address,
    prefix: Number(address.cidr?.split('/')[1] ?? 0),
  }));
  return {
    name,
    'ip-addresses': addresses.length > 0 ? addresses : undefined,
    statistics: Object.fromEntries(
      [
        'tx-packets',
        'tx-errs',
        'rx-bytes',
        'rx-dropped',
        'rx-packets',
        'rx-errs',
        'tx-bytes',
        'tx-dropped',
      ].map((key) => [key, counter(name, key.replace('-', '_').replace('_errs', '_errors'))]),
    ),
    'hardware-address': fs.readFileSync(`/sys/class/net/${name}/address`, 'utf8').trim(),
  };
}

export function interfaces(): unknown {
  return fs.readdirSync('/sys/class/net').map(one);
}
