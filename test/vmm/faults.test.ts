import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { VmmConfig, VmmDescription, faultOf } from '../../daemon/vmm/answers.js';
import { explainFault, osError } from '../../daemon/vmm/faults.js';
import { projectDir } from '../support/paths.js';

interface RecordedStep {
  readonly method?: string;
  readonly path?: string;
  readonly status?: number;
  readonly answer?: unknown;
}

/** Every answer that real Firecrackers gave. */
const recorded = ['1.16.1', '1.17-dev'].flatMap((version) =>
  readFileSync(join(projectDir, `test/firecracker/fixtures/${version}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => (JSON.parse(line) as { steps: RecordedStep[] }).steps),
);

const hints = { vm: 'vm-a', tap: 'tap0', mac: '06:00:ac:10:00:02', snapshot: 'snap-a', dir: '/store' };

t.test('each refusal recorded from a real Firecracker means what it is taken for', (t) => {
  const expected: Record<string, string> = {
    'Device or resource busy (os error 16)': 'tap-busy',
    'Error while creating ifreq structure: Invalid argument (os error 22)': 'tap-not-ready',
    'The MAC address is already in use': 'mac-taken',
    'PCI is not enabled': 'no-pci',
    'Unknown Network Device': 'vmm-refused',
    'Failed to open snapshot file': 'snapshot-damaged',
    'bitcode error': 'snapshot-damaged',
    'CRC64 validation failed': 'snapshot-damaged',
    'Failed to load guest memory': 'snapshot-damaged',
    'Total sum of memory regions': 'snapshot-damaged',
    'VsockUnixBackend: Error binding': 'vsock-path-taken',
    'not supported before starting': 'vmm-refused',
    'not allowed after configuring boot-specific resources': 'vmm-refused',
    'unknown field': 'vmm-refused',
  };
  const met = new Set<string>();
  for (const { method, path, status, answer } of recorded) {
    if (status !== 400) continue;
    const fault = faultOf(typeof answer === 'string' ? answer : JSON.stringify(answer));
    const error = explainFault({ ...hints, call: `${method} ${path}`, status, fault });
    for (const [words, reason] of Object.entries(expected)) {
      if (!fault.includes(words)) continue;
      met.add(words);
      t.equal(error.reason, reason, fault);
    }
    if (error.reason !== 'vmm-refused')
      t.match(String(error.cause), fault.slice(0, 40), 'the words stay as cause');
  }
  t.strictSame([...met].sort(), Object.keys(expected).sort(), 'every case was met');
  t.end();
});

t.test('the C library’s words don’t matter, its number does', (t) => {
  const tap = (words: string): string =>
    `Network config error: Could not create the network device: Open tap device failed: Error while creating ifreq structure: ${words}. Invalid TUN/TAP Backend provided by thw0. Check our documentation on setting up the network devices.`;
  const reason = (fault: string): string =>
    explainFault({ ...hints, call: 'PUT', status: 400, fault }).reason;
  t.equal(reason(tap('Resource busy (os error 16)')), 'tap-busy');
  t.equal(reason(tap('Ressource belegt (os error 16)')), 'tap-busy');
  t.equal(reason(tap('Operation not permitted (os error 1)')), 'system-call-failed');
  t.equal(reason(tap('Strange (os error 77)')), 'vmm-refused');
  t.equal(reason('Cannot write: No space left on device (os error 28)'), 'disk-full');
  const drive =
    'Load snapshot error: Failed to restore from snapshot: Failed to build microVM from snapshot: Failed to restore devices: Error restoring PCI devices: Block: Virtio backend error: Error manipulating the backing file: No such file or directory (os error 2) /disks/root';
  const missing = explainFault({ ...hints, call: 'PUT', status: 400, fault: drive });
  t.equal(missing.reason, 'file-missing');
  t.match(missing.message, '/disks/root');
  const slots = 'PCI manager error: PCI root error: Could not find an available device slot on the PCI bus.';
  t.equal(reason(slots), 'too-many-nics');
  t.equal(osError('x (os error 16) y'), 16);
  t.equal(osError('error 16'), null);
  t.end();
});

t.test('any words at all give an error of the registry', (t) => {
  const piece = fc.constantFrom(
    '(os error 16)',
    'Open tap device failed',
    ': ',
    'Block:',
    'PCI is not enabled',
  );
  const text = fc.array(fc.oneof(piece, fc.string()), { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (fault) => {
      const error = explainFault({ vm: 'vm-a', call: 'PUT /x', status: 400, fault });
      return error.code > 0 && error.message !== '' && error.detail.remedy !== '';
    }),
  );
  fc.assert(fc.property(fc.string(), (body) => typeof faultOf(body) === 'string'));
  t.end();
});

t.test('every recorded description and configuration is understood', (t) => {
  let [configs, descriptions] = [0, 0];
  for (const { path, status, answer } of recorded) {
    if (status !== 200) continue;
    if (path === '/vm/config') {
      configs += 1;
      t.ok(VmmConfig.safeParse(answer).success);
      t.ok(VmmConfig.safeParse({ ...(answer as object), 'a-new-key': [1] }).success, 'and a later release’s');
    } else if (path === '/') {
      descriptions += 1;
      t.ok(VmmDescription.safeParse(answer).success);
    }
  }
  t.ok(configs > 5 && descriptions > 5);
  t.end();
});
