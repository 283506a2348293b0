import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Gathering } from '../../daemon/restore/gathering.js';

t.test('the work begins when all have come or gone, once, and its failure holds nobody up', async (t) => {
  let begun = 0;
  const gathering = new Gathering(['a', 'b', 'c'], () => {
    begun += 1;
    return Promise.reject(new TypeError('no'));
  });
  const come = [gathering.arrive('a'), gathering.arrive('b')];
  await sleep(5);
  t.equal(begun, 0);
  gathering.leave('b');
  t.equal(begun, 0, 'who has come is not missed any more');
  gathering.leave('c');
  await Promise.all(come);
  gathering.leave('a');
  t.equal(begun, 1);
});
