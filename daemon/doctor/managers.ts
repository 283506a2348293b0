import type { Diagnosis } from '../api/system.js';
import { ok, warning } from './diagnosis.js';

export interface ManagerFacts {
  readonly networkManager: { readonly running: boolean; readonly conf: readonly string[] };
  readonly networkd: {
    readonly running: boolean;
    readonly files: readonly { readonly name: string; readonly text: string }[];
  };
}

/** A tap as the network plugin would name it; what matches it would grab it. */
const aTap = 'th0123456789ab0'.slice(0, 15);

const globToRegExp = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );

/** Whether the `[Match]` of a `.network` file of systemd-networkd fits a tap of ours. */
export function networkdMatches(text: string): boolean {
  const match = /^\[Match\]\s*$([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(text)?.[1];
  if (match === undefined) return false;
  const conditions = [...match.matchAll(/^\s*(\w+)\s*=\s*(.*?)\s*$/gm)].map(([, key = '', value = '']) => ({
    key,
    value,
  }));
  if (conditions.length === 0) return false;
  return conditions.every(({ key, value }) => {
    const words = value.split(/\s+/);
    const among = (known: readonly string[]): boolean =>
      words.some((word) => known.some((name) => globToRegExp(word).test(name)));
    switch (key) {
      case 'Name':
      case 'OriginalName':
        // A leading "!" turns the whole list round.
        return value.startsWith('!')
          ? !words.some((word) => globToRegExp(word.replace(/^!/, '')).test(aTap))
          : among([aTap]);
      case 'Type':
        return among(['ether']);
      case 'Kind':
        return among(['tun']);
      case 'Driver':
        return among(['tun']);
      default:
        // By address, path or host: not decided here, and a tap of ours has none of what is commonly asked.
        return false;
    }
  });
}

/** The file by which systemd-networkd would take over taps: the first that fits decides; null where it spares them. */
export function networkdGrabs(files: ManagerFacts['networkd']['files']): string | null {
  // A file hides those of the same name in places that come later.
  const seen = new Map<string, string>();
  for (const { name, text } of files) if (!seen.has(name)) seen.set(name, text);
  const ordered = [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
  const [name, text] = ordered.find(([, one]) => networkdMatches(one)) ?? [];
  const spares = /^\s*Unmanaged\s*=\s*(?:yes|true|1|on)\s*$/im.test(text ?? '');
  return name === undefined || spares ? null : name;
}

/** Whether NetworkManager is told to leave taps alone. */
export function networkManagerSpares(conf: readonly string[]): boolean {
  return conf.some((text) =>
    [...text.matchAll(/^\s*unmanaged-devices\s*=\s*(.*)$/gm)].some(([, list = '']) =>
      list.split(/[;,]/).some((entry) => {
        const [, kind = '', glob = ''] =
          /^\s*(interface-name|type|driver)\s*[:=]\s*(.*?)\s*$/.exec(entry) ?? [];
        return kind === 'interface-name' ? globToRegExp(glob.replace(/^=/, '')).test(aTap) : glob === 'tun';
      }),
    ),
  );
}

/** Programs that take over links that they did not make. */
export function judgeManagers({ networkManager, networkd }: ManagerFacts): readonly Diagnosis[] {
  const found: Diagnosis[] = [];
  if (networkManager.running) {
    found.push(
      networkManagerSpares(networkManager.conf)
        ? ok('NetworkManager', 'leaves taps alone')
        : warning(
            'NetworkManager',
            'It runs, and may take over taps and bridges',
            'In /etc/NetworkManager/conf.d/thaw.conf: [keyfile] unmanaged-devices=interface-name:th*',
          ),
    );
  }
  const grabbing = networkd.running ? networkdGrabs(networkd.files) : null;
  if (grabbing !== null) {
    found.push(
      warning(
        'systemd-networkd',
        `It would take over taps by ${grabbing}`,
        'Match less there, or add 05-thaw.network: [Match] Name=th* [Link] Unmanaged=yes',
      ),
    );
  } else if (networkd.running) found.push(ok('systemd-networkd', 'leaves taps alone'));
  if (found.length === 0) found.push(ok('network managers', 'none runs'));
  return found;
}
