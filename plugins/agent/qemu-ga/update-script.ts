import { z } from 'zod';
import type { UpdatePart } from '../../../daemon/api/shapes/update.js';
import type { GuestIdentity, GuestNic, UpdateWish } from '../../contract.js';
import { quote } from './quote.js';
import { library, withoutComments } from './script-library.js';
import { hostKeysLibrary } from './script-host-keys.js';
import { identityLibrary } from './script-identity.js';
import { networkLibrary } from './script-network.js';
import { programsLibrary } from './script-programs.js';

/** What the builder must know besides the wish. */
export interface ScriptFacts {
  /** How long the guest may wait for each NIC, in milliseconds. */
  readonly nicWait: number;
  /** How long the guest's own programs in restore.d may take together, in milliseconds. */
  readonly programs: number;
  /** The host's time, in milliseconds since 1970; null leaves the guest's clock alone. */
  readonly clock: number | null;
  /** A program that reseeds a kernel, as a `printf` format; empty where there is none for the guest's processor. */
  readonly reseeder: string;
}

/** A script and its standard input: what should not stand in the guest's process list. */
export interface Script {
  readonly text: string;
  readonly input: string;
}

/**
 * The script of one update: all parts, an answer as one line of JSON on standard output. Pure. Everything of the wish
 * is either quoted or of a form that needs no quotes, so that no name can become a command.
 */
export function updateScript(wish: UpdateWish, facts: ScriptFacts): Script {
  const { identity, parts } = wish;
  const input = [identity.entropy.replace(/[^0-9a-f]/gi, ''), JSON.stringify(identity.document)];
  const libraries = new Set(parts.map((part) => libraryOf[part]));
  const body = parts.map((part) => partScript(part, wish, facts));
  const needed = parts.includes('scripts') ? [...input, environment(identity)] : input;
  const functions = [library, ...libraries].map(withoutComments);
  return { text: [...functions, read, ...body, answer].join('\n'), input: `${needed.join('\n')}\n` };
}

// The programs' environment is read only where there are programs: a shell reads byte by byte.
const read = 'IFS= read -r SEED; IFS= read -r IDENTITY; exec 3<&0 </dev/null';

const libraryOf: Readonly<Record<UpdatePart, string>> = {
  clock: identityLibrary,
  network: networkLibrary,
  hostname: identityLibrary,
  'machine-id': identityLibrary,
  randomness: identityLibrary,
  'ssh-host-keys': hostKeysLibrary,
  identity: identityLibrary,
  scripts: programsLibrary,
};

function partScript(part: UpdatePart, wish: UpdateWish, facts: ScriptFacts): string {
  const { identity } = wish;
  switch (part) {
    case 'clock':
      return clockPart(facts.clock);
    case 'network':
      return networkPart(wish, facts);
    case 'hostname':
      return hostnamePart(identity.hostname);
    case 'machine-id':
      return `set_machine_id ${quote(identity.machineId)}`;
    case 'randomness':
      return `RESEEDER=${quote(facts.reseeder)}\nreseed "$SEED"`;
    case 'ssh-host-keys':
      return `set_host_keys ${quote(identity.vm)} ${quote(identity.hostname)}`;
    case 'identity':
      return 'set_identity "$IDENTITY"';
    case 'scripts':
      return `run_programs ${z.int().parse(facts.programs)} "$IDENTITY"`;
  }
}

/** The identity as assignments of a shell: `THAW_MACHINE_ID` for its `machineId`. Lists of words are spaced, the rest is JSON. */
function environment({ document }: GuestIdentity): string {
  const words = Object.entries({ ...document, identity: '/run/thaw/identity.json' }).map(([key, value]) => {
    const name = `THAW_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
    return `${name}=${quote(plain(value))}`;
  });
  return words.join(' ');
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(' ');
  return JSON.stringify(value);
}

/** Lets the guest let go of the NIC with a MAC: link down, device removed. `{"gone":true}`, or the reason why not. */
export function detachScript(mac: string): Script {
  const text = `${library}
find_nic ${quote(checkedMac(mac))} || { echo '{"gone":true}'; exit 0; }
N=$I
W=$(ip link set dev "$N" down 2>&1) || { json "$W"; echo "{\\"gone\\":false,\\"why\\":\\"$J\\"}"; exit 0; }
# What is no PCI device is no more than a link.
pci_of "$N" || { echo '{"gone":true}'; exit 0; }
W=$({ echo 1 > "$D/remove"; } 2>&1) || { json "$D/remove: \${W##*: }"; echo "{\\"gone\\":false,\\"why\\":\\"$J\\"}"; exit 0; }
echo '{"gone":true}'`;
  return { text, input: '' };
}

function clockPart(clock: number | null): string {
  if (clock === null) return 'part clock unchanged';
  const seconds = Math.floor(clock / 1000);
  const nanoseconds = String(Math.floor((clock - seconds * 1000) * 1e6)).padStart(9, '0');
  return `set_clock ${seconds} ${nanoseconds}`;
}

function hostnamePart(hostname: string): string {
  const short = hostname.split('.')[0] ?? hostname;
  return `set_hostname ${quote(hostname)} ${quote(short === hostname ? hostname : `${hostname} ${short}`)}`;
}

function networkPart({ identity, rescan }: UpdateWish, { nicWait }: ScriptFacts): string {
  const { nics, dns } = identity;
  const macs = nics.map((nic) => checkedMac(nic.mac));
  const look = macs.map((mac) => `find_nic ${mac} && KNOWN="\${KNOWN}${mac} " || MISSING=1`);
  const find = rescan
    ? '[ -z "$MISSING" ] || [ ! -w /sys/bus/pci/rescan ] || echo 1 2>/dev/null > /sys/bus/pci/rescan'
    : ':';
  const calls = nics.map(
    (nic, index) =>
      `[ -n "$F" ] || { ${nicCall(nic, nic.rank ?? index)}; note $?; ${ownCall(nic, nic.rank ?? index)}; }`,
  );
  const servers = dns.map((server) => `nameserver ${address(server)}\n`).join('');
  const resolver =
    servers === '' ? ':' : `[ -n "$F" ] || { put /etc/resolv.conf ${quote(servers)}; note $?; }`;
  return [
    `WAIT=${Math.ceil(nicWait / 10)} KNOWN=' ' MISSING= F= G=unchanged`,
    'note() { case $1 in 0) G=done ;; 2) F=$W ;; esac; }',
    ...look,
    find,
    ...calls,
    resolver,
    'if [ -n "$F" ]; then part network failed "$F"; else part network $G; fi',
  ].join('\n');
}

/** The first NIC with a gateway has the default route; those of the others stand behind it. */
function nicCall(nic: GuestNic, rank: number): string {
  const metric = rank === 0 ? '' : ` metric ${rank * 100}`;
  const gateways = gatewaysOf(nic).join(' ');
  const addresses = nic.addresses.map(prefixed).join(' ');
  const words = [
    checkedMac(nic.mac),
    z.int().parse(nic.mtu),
    quote(gateways),
    quote(metric),
    quote(addresses),
    nic.formerMac === undefined ? quote('') : checkedMac(nic.formerMac),
  ];
  return `nic ${words.join(' ')}`;
}

/** Routing tables of NICs are numbered from here: the kernel's own are below 256. */
const firstTable = 1000;

/** The others answer by their own way: what bears their address would not pass where the first one's leave. */
function ownCall(nic: GuestNic, rank: number): string {
  if (rank === 0) return ':';
  const addresses = nic.addresses.map(prefixed);
  const lists = [
    addresses.map(subnetOf),
    gatewaysOf(nic),
    addresses.map((one) => one.split('/')[0] ?? ''),
  ].map((list) => quote(list.join(' ')));
  return `[ -n "$F" ] || own_way ${firstTable + rank} ${lists.join(' ')}`;
}

const gatewaysOf = ({ gateway, gateway6 }: GuestNic): readonly string[] =>
  [gateway, gateway6].flatMap((one) => (one ? [address(one)] : []));

/** The kernel takes IPv4 routes without the host's bits only; of IPv6 ones it drops them itself. */
function subnetOf(text: string): string {
  const [ip = '', length = ''] = text.split('/');
  if (ip.includes(':')) return text;
  const bytes = ip.split('.').map((part, index) => {
    const bits = Math.min(8, Math.max(0, Number(length) - 8 * index));
    return Number(part) & (0xff << (8 - bits));
  });
  return `${bytes.join('.')}/${length}`;
}

const Mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
const checkedMac = (mac: string): string => Mac.parse(mac.toLowerCase());

const Ip = z.union([z.ipv4(), z.ipv6()]);

/** An address as the kernel shows it, so that the guest can compare texts. */
function address(text: string): string {
  const checked = Ip.parse(text);
  return checked.includes(':') ? new URL(`http://[${checked}]/`).hostname.slice(1, -1) : checked;
}

const Prefixed = z.string().regex(/^[^/]+\/\d{1,3}$/);

function prefixed(text: string): string {
  const [ip = '', length = ''] = Prefixed.parse(text).split('/');
  return `${address(ip)}/${Number(length)}`;
}

const answer = String.raw`
M=
for D in /sys/class/net/*; do
  [ -r "$D/address" ] && read -r L < "$D/address" || continue
  json "$\{D##*/}"; V=$J; json "$L"
  case $J in ''|00:00:00:00:00:00) continue ;; esac
  M="$M$\{M:+,}\"$J\":\"$V\""
done 2>/dev/null
H=null L=
[ ! -r /proc/sys/kernel/hostname ] || read -r L < /proc/sys/kernel/hostname
[ -z "$L" ] || { json "$L"; H="\"$J\""; }
N=null L=
[ ! -r /etc/machine-id ] || IFS= read -r L < /etc/machine-id
[ -z "$L" ] || { json "$L"; N="\"$J\""; }
printf '{"parts":{%s},"interfaces":{%s},"hostname":%s,"machineId":%s}\n' "$P" "$M" "$H" "$N"
`.replaceAll('$\\{', '${');
