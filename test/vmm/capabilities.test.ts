import fc from 'fast-check';
import t from 'tap';
import {
  capabilitiesOf,
  compareVersions,
  parseVersion,
  readsFormat,
  since,
} from '../../daemon/vmm/capabilities.js';

t.test('what each release can do and gets wrong', (t) => {
  const table = [
    // version, hot-plug, vsock override, overrides, quirks, format
    ['1.10.0', false, false, false, ['pause-silences-vsock'], '3.0.0'],
    ['1.10.1', false, false, false, ['pause-silences-vsock'], '4.0.0'],
    ['1.12.1', false, false, true, ['pause-silences-vsock'], '6.0.0'],
    ['1.14.3', false, false, true, ['pause-silences-vsock', 'cve-2026-5747'], '8.0.0'],
    ['1.14.4', false, false, true, ['pause-silences-vsock'], '8.0.0'],
    ['1.15.0', false, false, true, ['pause-silences-vsock', 'cve-2026-5747'], '9.0.0'],
    ['v1.16.0', true, true, true, ['pause-silences-vsock', 'guest-vsock-after-restore'], '10.0.0'],
    ['1.16.1', true, true, true, ['pause-silences-vsock'], '10.0.0'],
    ['1.17.0-dev', true, true, true, [], '11.0.0'],
    ['2.0.0', true, true, true, [], '11.0.0'],
  ] as const;
  for (const [version, hotPlug, vsock, overrides, quirks, format] of table) {
    const can = capabilitiesOf(version);
    t.equal(can.has('hotPlug'), hotPlug, version);
    t.equal(can.has('vsockOverride'), vsock, version);
    t.equal(can.has('networkOverrides'), overrides, version);
    t.strictSame(
      can.quirks.map(({ id }) => id),
      quirks,
      version,
    );
    t.equal(can.snapshotFormat, format, version);
  }
  t.equal(since('hotPlug'), '1.16.0');
  t.end();
});

t.test('of a version that can’t be read nothing good is assumed', (t) => {
  const can = capabilitiesOf('custom build');
  t.equal(can.has('memBackend'), false);
  t.equal(can.quirks.length, 3);
  t.equal(can.snapshotFormat, null);
  t.end();
});

t.test('what a binary says of its format goes before the table', (t) => {
  t.equal(capabilitiesOf('1.16.1', '10.1.0').snapshotFormat, '10.1.0');
  t.equal(readsFormat('10.1.0', '10.0.0'), true);
  t.equal(readsFormat('10.0.0', '10.1.0'), false);
  t.equal(readsFormat('11.0.0', '10.0.0'), false);
  t.equal(readsFormat('11.0.0', 'x'), false);
  t.end();
});

t.test('versions are ordered as numbers', (t) => {
  const part = fc.nat(9999);
  const version = fc.tuple(part, part, part);
  fc.assert(
    fc.property(version, version, (a, b) => {
      const [x, y] = [parseVersion(a.join('.')), parseVersion(`v${b.join('.')}-rc1`)];
      if (x === null || y === null) return false;
      const first = a.findIndex((value, index) => value !== b[index]);
      const expected = first < 0 ? 0 : Math.sign((a[first] ?? 0) - (b[first] ?? 0));
      return Math.sign(compareVersions(x, y)) === expected;
    }),
  );
  t.equal(parseVersion('1.2'), null);
  t.end();
});
