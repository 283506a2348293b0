import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Box } from './box.js';
import { inventory } from './leftovers.js';

t.test('a test that is killed leaves no process, namespace or folder', async (t) => {
  const program = fileURLToPath(new URL('box.program.js', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const box = JSON.parse(line) as { pid: number; runDir: string; storeDir: string };
  t.ok(existsSync(join(box.runDir, 'vms')));
  child.kill('SIGKILL');
  const left = (): string[] =>
    [`/proc/${box.pid}`, box.runDir, box.storeDir].filter((path) => existsSync(path));
  for (let tries = 0; tries < 500 && left().length > 0; tries += 1) await sleep(10);
  t.strictSame(left(), []);
});

t.test('what can be left behind is seen', async (t) => {
  const box = await Box.open();
  t.teardown(() => box.close());
  const before = new Set(await inventory(box, []));
  await box.exec('sh', '-c', 'cd "$1" && sleep 1000 > /dev/null 2>&1 &', 'sh', box.runDir);
  await box.exec('ip', 'tuntap', 'add', 'left0', 'mode', 'tap');
  await box.exec('ip', 'link', 'set', 'left0', 'alias', 'thaw:vm-0000000000');
  await box.exec('ip', 'link', 'add', 'bridge0', 'type', 'bridge');
  await box.exec(
    'nft',
    'add table bridge t; add set bridge t s { type ifname; }; add element bridge t s { "left0" }',
  );
  await box.exec('mount', '-t', 'tmpfs', 'left', '/mnt');
  await mkdir(join(box.runDir, 'run/vms/vm-0000000000'), { recursive: true });
  await mkdir(join(box.storeDir, 'drafts/snap-0000000000'), { recursive: true });
  await mkdir(join(box.storeDir, 'snapshots/snap-0000000000'), { recursive: true });
  const left = (await inventory(box, [])).filter((thing) => !before.has(thing));
  t.match(left, [
    new RegExp(`^process \\d+ sleep in ${box.runDir}$`),
    'link left0 tun thaw:vm-0000000000',
    'nft t s "left0"',
    'mount /mnt',
    `file ${box.runDir}/run`,
    `file ${box.runDir}/run/vms`,
    `file ${box.runDir}/run/vms/vm-0000000000`,
    `file ${box.storeDir}/drafts/snap-0000000000`,
  ]);
  t.equal(left.length, 8, 'bridges and snapshots are meant to stay');
});
