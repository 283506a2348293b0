import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Hints } from '../../daemon/operations/hints.js';

t.test('many hints are one look, and one that comes while it lasts is another after it', async (t) => {
  const looks: string[] = [];
  let goOn: () => void = () => undefined;
  const hints = new Hints<string>(async (thing) => {
    looks.push(`${thing} begins`);
    await new Promise<void>((resolve) => (goOn = resolve));
    looks.push(`${thing} ends`);
  });
  t.teardown(() => hints.close());
  for (let n = 0; n < 100; n += 1) hints.hint('a');
  while (looks.length === 0) await sleep(1);
  for (let n = 0; n < 100; n += 1) hints.hint('a');
  const asked = hints.look(['a']);
  goOn();
  while (looks.length < 3) await sleep(1);
  goOn();
  await asked;
  t.strictSame(looks, ['a begins', 'a ends', 'a begins', 'a ends']);
});

t.test('a look that fails is made again, and holds no other up', async (t) => {
  const looks: string[] = [];
  const hints = new Hints<string>((thing) => {
    looks.push(thing);
    return thing === 'bad' && looks.length < 3 ? Promise.reject(new TypeError('no')) : Promise.resolve();
  });
  t.teardown(() => hints.close());
  await hints.look(['bad', 'good']);
  while (looks.length < 3) await sleep(5);
  t.strictSame(looks, ['bad', 'good', 'bad']);
});

t.test('nothing is looked at once it is closed', async (t) => {
  const looks: string[] = [];
  const hints = new Hints<string>((thing) => Promise.resolve(void looks.push(thing)));
  hints.hint('a');
  await hints.close();
  hints.hint('b');
  hints.later('c');
  await hints.look(['d']);
  await sleep(50);
  t.strictSame(looks, []);
});
