// The scheduler: order within a lane, turns between lanes, waiting, cancelling.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Scheduler, type Steps } from '../../web/src/scheduler.ts';

interface Bench {
  scheduler: Scheduler<string>;
  /** What happened: "a1" is the first step of job a, "a!" its answer, "a?" its error, "a." its end. */
  log: string[];
  add: (name: string, lane: string, n: number, waitsAfter?: number) => void;
  idle: () => Promise<void>;
}

const NAMES = 'abcdefgh';

function bench(): Bench {
  const log: string[] = [];
  const scheduler = new Scheduler<string>({
    nextTask: () => new Promise((resolve) => setImmediate(resolve)),
    onDone: (id, answer) => log.push(`${NAMES[id]}! ${answer}`),
    onError: (id, error) => log.push(`${NAMES[id]}? ${(error as Error).message}`),
  });
  function* steps(name: string, n: number, waitsAfter: number): Steps<string> {
    try {
      for (let i = 1; i <= n; i++) {
        log.push(`${name}${i}`);
        yield i === waitsAfter ? 'wait' : undefined;
      }
      if (n === 0) throw new Error('broken');
      return `of ${name}`;
    } finally {
      log.push(`${name}.`);
    }
  }
  return {
    scheduler,
    log,
    add: (name, lane, n, waitsAfter = 0) =>
      scheduler.add({ id: NAMES.indexOf(name), lane, start: () => steps(name, n, waitsAfter) }),
    idle: async () => {
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const id = (name: string): number => NAMES.indexOf(name);

const orders: { name: string; jobs: [name: string, lane: string, n: number][]; log: string[] }[] = [
  {
    name: 'one lane: one after another',
    jobs: [
      ['a', 'x', 2],
      ['b', 'x', 1],
    ],
    log: ['a1', 'a2', 'a.', 'a! of a', 'b1', 'b.', 'b! of b'],
  },
  {
    name: 'two lanes: in turns, so that the short one ends early',
    jobs: [
      ['a', 'x', 4],
      ['b', 'y', 1],
    ],
    log: ['a1', 'b1', 'a2', 'b.', 'b! of b', 'a3', 'a4', 'a.', 'a! of a'],
  },
  {
    name: 'many jobs of one lane take no more turns than one of another',
    jobs: [
      ['a', 'x', 1],
      ['b', 'x', 1],
      ['c', 'x', 1],
      ['d', 'y', 2],
    ],
    log: [
      ...['a1', 'd1', 'a.', 'a! of a', 'd2', 'b1', 'd.', 'd! of d'],
      ...['b.', 'b! of b', 'c1', 'c.', 'c! of c'],
    ],
  },
  {
    name: 'a job that fails lets the others go on',
    jobs: [
      ['a', 'x', 0],
      ['b', 'x', 1],
    ],
    log: ['a.', 'a? broken', 'b1', 'b.', 'b! of b'],
  },
];
for (const { name, jobs, log } of orders) {
  test(name, async () => {
    const one = bench();
    for (const job of jobs) one.add(...job);
    await one.idle();
    assert.deepEqual(one.log, log);
  });
}

test('a job that waits blocks its lane alone, until it is woken', async () => {
  const { scheduler, log, add, idle } = bench();
  add('a', 'x', 2, 1);
  add('b', 'x', 1);
  add('c', 'y', 2);
  await idle();
  assert.deepEqual(log.splice(0), ['a1', 'c1', 'c2', 'c.', 'c! of c']);
  scheduler.wake(id('a'));
  await idle();
  assert.deepEqual(log.splice(0), ['a2', 'a.', 'a! of a', 'b1', 'b.', 'b! of b']);
  add('d', 'x', 2, 1);
  scheduler.wake(id('d'));
  await idle();
  assert.deepEqual(log, ['d1', 'd2', 'd.', 'd! of d'], 'woken before it waited');
});

test('a cancelled job ends at once and is told once, wherever it stands', async () => {
  const { scheduler, log, add, idle } = bench();
  add('a', 'x', 9);
  add('b', 'x', 1);
  add('c', 'y', 2, 1);
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  for (const name of ['b', 'a', 'c', 'a', 'h']) scheduler.cancel(id(name));
  scheduler.wake(id('c'));
  add('d', 'x', 1);
  await idle();
  const cancelled = 'The request was cancelled.';
  assert.deepEqual(
    log.filter((line) => !/\d/.test(line)),
    [`b? ${cancelled}`, 'a.', `a? ${cancelled}`, 'c.', `c? ${cancelled}`, 'd.', 'd! of d'],
  );
});
