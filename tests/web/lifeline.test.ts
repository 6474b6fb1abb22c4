// The page's side of the lifeline, step by step: when a worker counts as dead.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';

import { holdLock, watchLifeline } from '../../web/src/browser/lifeline.ts';

/** The port's other end, and what the watch has said. */
function watch(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const port = {
    asked: 0,
    isOpen: true,
    onmessage: (_: { data: unknown }): void => {},
    postMessage: () => port.asked++,
    close: () => (port.isOpen = false),
  };
  const deaths: string[] = [];
  const { die, end } = watchLifeline(
    port as unknown as MessagePort,
    (reason) => deaths.push(reason),
    () => {},
  );
  return {
    port,
    deaths,
    die,
    end,
    tell: (data: unknown) => port.onmessage({ data }),
    pass: (ms: number) => t.mock.timers.tick(ms),
  };
}

test('a worker that never starts', (t) => {
  const { deaths, pass, port } = watch(t);
  pass(59_999);
  assert.deepEqual(deaths, []);
  pass(1);
  assert.match(String(deaths), /did not start within 60 s/);
  assert.equal(port.isOpen, false);
});

test('without locks it is asked, and dead after a long silence', (t) => {
  const { deaths, pass, port, tell } = watch(t);
  tell({ type: 'no_locks' });
  assert.equal(port.asked, 1);
  for (let i = 0; i < 1000; i++) {
    pass(500);
    if (i % 50 === 0) tell({ type: 'alive' });
  }
  assert.deepEqual([deaths, port.asked], [[], 1001]);
  for (let i = 0; i < 61; i++) pass(500);
  assert.match(String(deaths), /not answered for 30 s/);
  pass(3_600_000);
  assert.equal(deaths.length, 1);
});

test('with a lock it is dead when the lock is free, and asked nothing', async (t) => {
  const { deaths, pass, port, tell } = watch(t);
  const held = Promise.withResolvers<void>();
  const name = 'a lock of a test';
  const holding = navigator.locks.request(name, () => held.promise);
  tell({ type: 'lock', name });
  pass(120_000);
  assert.deepEqual([deaths, port.asked], [[], 0]);
  held.resolve();
  await holding;
  await navigator.locks.request(name, () => {});
  assert.match(String(deaths), /closed without a word/);
});

test('who knows by other ways that it is dead says so, once', (t) => {
  const { deaths, die, pass, port } = watch(t);
  for (const reason of ['it was terminated', 'again']) die(reason);
  pass(3_600_000);
  assert.deepEqual([deaths, port.isOpen], [['it was terminated'], false]);
});

test('nothing is said after the end of the watch', async (t) => {
  const { deaths, die, end, pass, tell } = watch(t);
  tell({ type: 'no_locks' });
  tell({ type: 'lock', name: 'another lock of a test' });
  end();
  die('it was terminated');
  pass(3_600_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(deaths, []);
});

test('each lock that is held has a name of its own', async () => {
  const names = await Promise.all(
    [1, 2].map(() => new Promise<string>((resolve) => void holdLock(resolve))),
  );
  assert.notEqual(names[0], names[1]);
});
