// model.embed(): order, progress, cancelling and errors, with a fake engine.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { rejectsWith } from './support/expect.ts';
import { loadFake } from './support/fake_worker.ts';

test('each text has its vector, in order', async () => {
  const { model, worker } = await loadFake();
  const progress: string[] = [];
  const embeddings = await model.embed(['abc', 'a'], {
    onProgress: ({ done, total }) => progress.push(`${done}/${total}`),
  });
  assert.deepEqual(embeddings, [
    { vector: Float32Array.of(3), tokens: 3 },
    { vector: Float32Array.of(1), tokens: 1 },
  ]);
  assert.deepEqual(progress, ['1/2', '2/2']);
  const calls = worker.engine.log.filter((line) => /^(embed|tokenize)/.test(line));
  assert.deepEqual(calls, [
    'tokenize "abc" special',
    'embed 3 auto',
    ...Array.from({ length: 3 }, () => 'embed step'),
    'tokenize "a" special',
    'embed 1 auto',
    'embed step',
    'embed end',
  ]);
});

test('no texts, no vectors', async () => {
  const { model } = await loadFake();
  assert.deepEqual(await model.embed([]), []);
});

test('the pooling reaches the engine', async () => {
  const { model, worker } = await loadFake();
  await model.embed(['a'], { pooling: 'cls' });
  assert.ok(worker.engine.log.includes('embed 1 cls'));
});

test('embeddings run one after another and beside a generation', async () => {
  const { model, worker } = await loadFake();
  const generation = model.generate('ab', { maxTokens: 3 }).result;
  await Promise.all([model.embed(['aaaa']), model.embed(['bb']), generation]);
  const { log } = worker.engine;
  const begins = log.filter((line) => /^embed (\d|end)/.test(line));
  assert.deepEqual(begins, ['embed 4 auto', 'embed end', 'embed 2 auto', 'embed end']);
  assert.ok(log.indexOf('embed 4 auto') < log.indexOf('token 0'), 'they take turns');
  assert.ok(log.indexOf('token 0') < log.lastIndexOf('embed end'), 'they take turns');
});

test('an embedding that is cancelled is given up, and the next one runs', async () => {
  const { model, worker } = await loadFake();
  const abort = new AbortController();
  const first = model.embed(['aaaa', 'bbbb'], {
    signal: abort.signal,
    onProgress: () => abort.abort(),
  });
  const second = model.embed(['cc']);
  await rejectsWith(first, 'cancelled');
  assert.equal((await second)[0]!.tokens, 2);
  assert.equal(worker.engine.log.filter((line) => line === 'embed end').length, 2);
  assert.equal(worker.busy, false);
});

test('an error says which of several texts it is about', async () => {
  const { model } = await loadFake();
  const long = 'x'.repeat(65);
  await rejectsWith(model.embed(['a', long]), 'context_full', /^Text 2: The text does not fit\.$/);
  await rejectsWith(model.embed([long]), 'context_full', /^The text does not fit\.$/);
  assert.equal((await model.embed(['a'])).length, 1);
});

const WRONG: [args: [texts: unknown, options?: unknown], message: RegExp][] = [
  [['a'], /texts must be an array of strings, not 'a'/],
  [[undefined], /texts must be an array of strings, not undefined/],
  [[Array(1)], /texts\[0\] must be a string, not undefined/],
  [[['a', 5]], /texts\[1\] must be a string, not 5/],
  [[['a'], { poling: 'cls' }], /no option of embed\(\) 'poling' \(did you mean 'pooling'/],
  [[['a'], { pooling: 5 }], /'pooling' must be a string, not 5/],
];
for (const [args, message] of WRONG) {
  test(`embed(${args.map((each) => JSON.stringify(each)).join(', ')}) is refused`, async () => {
    const { model } = await loadFake();
    await rejectsWith(model.embed(...(args as [string[], object])), 'invalid_argument', message);
  });
}
