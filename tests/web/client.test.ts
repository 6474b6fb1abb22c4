// The client against a fake engine: queue, cancel, dispose, death of the worker; every promise settles.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { rejectsWith, textOf, throwsWith } from './support/expect.ts';
import { FakeWorker, loadFake } from './support/fake_worker.ts';

const PROMPT = 'abcdefghij';

test('a generation streams its pieces and resolves its result', async () => {
  const { model } = await loadFake();
  const progress: number[] = [];
  const stream = model.generate(PROMPT, {
    maxTokens: 3,
    seed: 7,
    onPrefill: ({ done }) => progress.push(done),
  });
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  assert.deepEqual(pieces, [
    { text: '0', token: 0 },
    { text: '1', token: 1 },
    { text: '2', token: 2 },
  ]);
  const result = await stream.result;
  assert.deepEqual(progress, [4, 8, 10]);
  assert.deepEqual(
    {
      text: result.text,
      tokens: result.tokens,
      promptTokens: result.promptTokens,
      stopReason: result.stopReason,
    },
    { text: '012', tokens: [0, 1, 2], promptTokens: 10, stopReason: 'length' },
  );
  assert.equal(result.seed, 7);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('the result resolves although nobody iterates', async () => {
  const { model } = await loadFake();
  assert.equal((await model.generate(PROMPT, { maxTokens: 2 }).result).text, '01');
});

test('two readers of one stream share its pieces and both end', async () => {
  const { model } = await loadFake();
  const stream = model.generate(PROMPT, { maxTokens: 5 });
  const texts = await Promise.all([textOf(stream), textOf(stream)]);
  assert.equal([...texts.join('')].sort().join(''), '01234');
});

test('seeds are random unless given', async () => {
  const { model } = await loadFake();
  const seeds = await Promise.all(
    [0, 1].map(async () => (await model.generate('a', { maxTokens: 1 }).result).seed),
  );
  assert.notEqual(seeds[0], seeds[1]);
});

test('generations run one after another, short requests in between', async () => {
  const { model, worker } = await loadFake();
  const order: string[] = [];
  const note = (name: string) => (): void => void order.push(name);
  await Promise.all([
    model.generate(PROMPT, { maxTokens: 20 }).result.then(note('first')),
    model.generate(PROMPT, { maxTokens: 1 }).result.then(note('second')),
    model.tokenize('ab').then(note('tokenize')),
  ]);
  assert.deepEqual(order, ['tokenize', 'first', 'second']);
  const begins = worker.engine.log.filter((line) => /^(begin|end)/.test(line));
  assert.deepEqual(begins, ['begin 10', 'end', 'begin 10', 'end']);
});

test('a queued generation is cancelled without running', async () => {
  const { model, worker } = await loadFake();
  const first = model.generate(PROMPT, { maxTokens: 5 });
  const abort = new AbortController();
  const second = model.generate('queued', { signal: abort.signal });
  abort.abort(new Error('why'));
  await rejectsWith(second.result, 'cancelled');
  await first.result;
  assert.equal(worker.engine.log.filter((line) => line.startsWith('begin')).length, 1);
});

test("the cause of a cancelled request is the signal's reason", async () => {
  const { model } = await loadFake();
  const reason = new Error('why');
  await assert.rejects(model.generate('a', { signal: AbortSignal.abort(reason) }).result, {
    cause: reason,
  });
});

const endings = [
  { name: 'abort before it starts', when: 'before' },
  { name: 'abort during the prefill', when: 'prefill' },
  { name: 'abort during the decode', when: 'decode' },
] as const;
for (const { name, when } of endings) {
  test(`${name}: iterator and result reject, the engine is released`, async () => {
    const { model, worker } = await loadFake();
    const abort = new AbortController();
    if (when === 'before') abort.abort();
    const stream = model.generate(PROMPT, {
      signal: abort.signal,
      onPrefill: () => {
        if (when === 'prefill') abort.abort();
      },
    });
    const read = async (): Promise<void> => {
      for await (const piece of stream) if (piece.token === 2) abort.abort();
    };
    await rejectsWith(read(), 'cancelled');
    await rejectsWith(stream.result, 'cancelled');
    assert.equal(await textOf(model.generate('next', { maxTokens: 2 })), '01');
    const { log } = worker.engine;
    assert.equal(log.filter((line) => line === 'end').length, when === 'before' ? 1 : 2);
    assert.equal(worker.busy, false);
  });
}

test('break cancels the generation and ends the iterator', async () => {
  const { model, worker } = await loadFake();
  const stream = model.generate(PROMPT);
  for await (const piece of stream) if (piece.token === 3) break;
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  await rejectsWith(stream.result, 'cancelled');
  assert.equal(await textOf(model.generate('next', { maxTokens: 1 })), '0');
  assert.ok(!worker.engine.log.includes('token 20'));
});

test('dispose rejects what is pending and what comes later, and may be called twice', async () => {
  const { model, worker } = await loadFake();
  const stream = model.generate(PROMPT);
  const queued = model.generate(PROMPT);
  await stream.next();
  const logits = model.logits([1, 2, 3]);
  const chunk = logits.next();
  await Promise.all([model.dispose(), model.dispose()]);
  for (const promise of [
    stream.next(),
    stream.result,
    queued.result,
    chunk,
    model.tokenize('a'),
    model.stats(),
  ]) {
    await rejectsWith(promise, 'cancelled', /disposed/);
  }
  assert.ok(worker.terminated);
});

test('await using disposes', async () => {
  const worker = new FakeWorker();
  {
    await using model = await worker.load();
    assert.equal(model.info.architecture, 'fake');
  }
  assert.ok(worker.terminated);
});

test('a worker that dies rejects what is pending and what comes later', async () => {
  const { model, worker } = await loadFake();
  const stream = model.generate(PROMPT);
  await stream.next();
  worker.kill();
  await rejectsWith(stream.result, 'worker_died');
  await rejectsWith(textOf(stream), 'worker_died');
  await rejectsWith(model.tokenize('a'), 'worker_died');
  assert.equal(worker.busy, false);
});

test('a worker that dies while loading rejects the load', async () => {
  const worker = new FakeWorker();
  worker.chunks = [(): Promise<string> => new Promise(() => {})];
  const load = worker.load();
  setImmediate(() => worker.kill());
  await rejectsWith(load, 'worker_died');
});

test('loading reports progress, and the model its info', async () => {
  const worker = new FakeWorker();
  const progress: unknown[] = [];
  const model = await worker.load({ onProgress: (step: unknown) => progress.push(step) });
  assert.deepEqual(progress, [
    { loaded: 5, total: 9, downloaded: 0 },
    { loaded: 9, total: 9, downloaded: 0 },
  ]);
  assert.equal(model.info.name, 'fake file');
  const { loadMs, ...stats } = await model.stats();
  assert.ok(loadMs >= 0);
  assert.deepEqual(stats, {
    kernels: 'fake',
    threads: 3,
    kvType: 'f32',
    kvBytes: 1,
    outputHead: { twoStep: 3, full: 4 },
    wasmMemoryBytes: 2,
    warnings: ['a warning'],
  });
});

test('the wishes reach the engine', async () => {
  const worker = new FakeWorker();
  await worker.load({ kernels: 'simd128', threads: 5 });
  assert.deepEqual(worker.wishes, { kernels: 'simd128', threads: 5 });
  assert.equal(worker.engine.log[0], 'load 3'); // as many as could be started
});

test('a load that fails or is aborted ends its worker and closes its source', async () => {
  const abort = new AbortController();
  const onProgress = (): void => abort.abort();
  const thrown = new Error('from the callback');
  const cases = [
    { options: { kernels: 'missing' }, code: 'not_found' },
    { options: { signal: abort.signal, onProgress }, code: 'cancelled' },
  ];
  for (const { options, code } of cases) {
    const worker = new FakeWorker();
    await rejectsWith(worker.load(options), code);
    assert.ok(worker.terminated);
  }
  const worker = new FakeWorker();
  const throwing = {
    onProgress: (): void => {
      throw thrown;
    },
  };
  await assert.rejects(worker.load(throwing), thrown);
  assert.ok(worker.terminated);
  const failing = new FakeWorker();
  failing.chunks = [(): Promise<string> => Promise.reject(new Error('the disk is gone'))];
  await rejectsWith(failing.load(), 'internal', /the disk is gone/);
  assert.ok(failing.engine.log.includes('close'));
});

test('an aborted signal loads nothing', async () => {
  let started = false;
  const worker = new FakeWorker();
  const start = (): FakeWorker => {
    started = true;
    return worker;
  };
  const { LanguageModel } = await import('../../web/src/client.ts');
  const files = { sources: [''], ports: [], defaultStore: 'none' as const, warnings: [] };
  const load = LanguageModel.load(start, { signal: AbortSignal.abort() }, () => files);
  await rejectsWith(load, 'cancelled');
  assert.equal(started, false);
});

test('errors of the engine reach the caller typed, and the model goes on', async () => {
  const { model } = await loadFake();
  await rejectsWith(model.generate('a'.repeat(65)).result, 'context_full', /does not fit/);
  await rejectsWith(textOf(model.generate('a', { maxTokens: 13 })), 'internal', /trapped/);
  assert.equal(await textOf(model.generate('a', { maxTokens: 1 })), '0');
});

test('a callback that throws ends its generation only', async () => {
  const { model } = await loadFake();
  const thrown = new Error('from the callback');
  const stream = model.generate(PROMPT, {
    onPrefill: () => {
      throw thrown;
    },
  });
  await assert.rejects(textOf(stream), thrown);
  assert.equal(await textOf(model.generate('a', { maxTokens: 1 })), '0');
});

test("logits come at the reader's pace, complete and in order", async () => {
  const { model, worker } = await loadFake();
  const chunks = [];
  let most = 0;
  for await (const chunk of model.logits([1, 2, 3, 0, 1, 2, 3])) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    chunks.push([chunk.start, chunk.n, chunk.logits.length]);
    const computed = worker.engine.log.filter((line) => line.startsWith('logits')).length;
    most = Math.max(most, computed - chunks.length);
  }
  assert.deepEqual(chunks, [
    [0, 2, 8],
    [2, 2, 8],
    [4, 2, 8],
    [6, 1, 4],
  ]);
  assert.ok(most <= 2, `${most} chunks were computed before they were asked for`);
});

test('leaving the loop over logits frees the worker for the next request', async () => {
  const { model } = await loadFake();
  for await (const chunk of model.logits([1, 2, 3, 0, 1])) if (chunk.start === 0) break;
  assert.equal(await textOf(model.generate('a', { maxTokens: 1 })), '0');
});

test('aborted logits reject', async () => {
  const { model } = await loadFake();
  const abort = new AbortController();
  const read = async (): Promise<void> => {
    for await (const _ of model.logits([1, 2, 3, 0], { signal: abort.signal })) abort.abort();
  };
  await rejectsWith(read(), 'cancelled');
});

test('an idle model does not hold the process, a busy one does', async () => {
  const { model, worker } = await loadFake();
  assert.equal(worker.busy, false);
  const stream = model.generate('a', { maxTokens: 2 });
  assert.equal(worker.busy, true);
  await stream.result;
  assert.equal(worker.busy, false);
});

test('the worker answers every request once, cancelled ones too', async () => {
  const { model, worker } = await loadFake();
  const streams = Array.from({ length: 8 }, () => model.generate(PROMPT, { maxTokens: 6 }));
  for (const [i, stream] of streams.entries()) {
    if (i % 2) await stream.return();
    else if (i % 4 === 0) await stream.next();
  }
  await Promise.allSettled(streams.map((stream) => stream.result));
  // Nothing is left to say once a later request has been answered.
  await model.generate('a', { maxTokens: 1 }).result;
  const answers = worker.sent
    .filter((message) => message.type !== 'event')
    .map((message) => message.id);
  assert.deepEqual(
    answers.sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, i) => i + 1),
  );
});

const invalidCalls: { name: string; options: object; message: RegExp }[] = [
  {
    name: 'unknown name',
    options: { temprature: 1 },
    message: /'temprature' \(did you mean 'temperature'\?\).*topK/,
  },
  {
    name: 'no number',
    options: { temperature: '1' },
    message: /'temperature' must be a number, not '1'/,
  },
  { name: 'not finite', options: { topP: NaN }, message: /'topP' must be a number, not NaN/ },
  {
    name: 'no whole number',
    options: { maxTokens: 1.5 },
    message: /'maxTokens' must be a whole number, not 1.5/,
  },
  { name: 'negative seed', options: { seed: -1 }, message: /'seed' must be 0 or more/ },
  {
    name: 'stop',
    options: { stop: [1] },
    message: /'stop' must be a string or an array of strings/,
  },
  {
    name: 'bias',
    options: { logitBias: [[1, Infinity]] },
    message: /'logitBias' must be an array of/,
  },
  {
    name: 'null options',
    options: null as unknown as object,
    message: /must be an object, not null/,
  },
];
for (const { name, options, message } of invalidCalls) {
  test(`generate() refuses options: ${name}`, async () => {
    const { model } = await loadFake();
    throwsWith(() => model.generate('a', options), 'invalid_argument', message);
  });
}

test('arguments of the wrong type are refused', async () => {
  const { model } = await loadFake();
  const chat = (messages: unknown) => () => model.chat(messages as never);
  throwsWith(chat([]), 'invalid_argument', /at least one message/);
  throwsWith(chat('hi'), 'invalid_argument', /array/);
  throwsWith(chat([{ role: 'user' }]), 'invalid_argument', /content of messages\[0\]/);
  throwsWith(chat([null]), 'invalid_argument', /role of messages\[0\]/);
  throwsWith(
    chat([{ role: 'user<|end|>', content: '' }]),
    'invalid_argument',
    /role of messages\[0\]/,
  );
  throwsWith(() => model.generate([1, 2.5]), 'invalid_argument', /Number 2 of the tokens/);
  throwsWith(() => model.generate(5 as never), 'invalid_argument', /array of token ids, not 5/);
  await rejectsWith(model.tokenize(5 as never), 'invalid_argument', /text must be a string/);
  await rejectsWith(model.detokenize('a' as never), 'invalid_argument');
  await rejectsWith(model.logits(['a'] as never).next(), 'invalid_argument');
});

test('misspelt or mistyped options of the smaller calls are refused', async () => {
  const { model } = await loadFake();
  const calls: { call: (options: object) => Promise<unknown>; options: object; message: RegExp }[] =
    [
      {
        call: (options) => model.tokenize('a', options),
        options: { parse_special: true },
        message: /did you mean 'parseSpecial'/,
      },
      {
        call: (options) => model.tokenize('a', options),
        options: { parseSpecial: 'no' },
        message: /'parseSpecial' must be true or false, not 'no'/,
      },
      {
        call: (options) => model.detokenize([1], options),
        options: { spcial: true },
        message: /did you mean 'special'/,
      },
      {
        call: (options) => model.detokenize([1], options),
        options: { special: 1 },
        message: /'special' must be true or false, not 1/,
      },
      {
        call: (options) => model.logits([1], options).next(),
        options: { ctx: 5 },
        message: /no option of logits\(\) 'ctx'/,
      },
    ];
  for (const { call, options, message } of calls) {
    await rejectsWith(call(options), 'invalid_argument', message);
  }
});

test('loadModel options are checked before a worker starts', async () => {
  const cases: { options: object; message: RegExp }[] = [
    { options: { threads: 0 }, message: /'threads' must be .* from 1 to 64, not 0/ },
    { options: { threads: 65 }, message: /'threads'/ },
    { options: { threads: 1.5 }, message: /'threads'/ },
    { options: { threads: '2' }, message: /'threads'/ },
    { options: { kernel: 'simd128' }, message: /did you mean 'kernels'/ },
    { options: { kernels: 1 }, message: /'kernels'.* must be a string/ },
    { options: { kvType: 8 }, message: /'kvType'.* must be a string/ },
  ];
  for (const { options, message } of cases) {
    await rejectsWith(new FakeWorker().load(options), 'invalid_argument', message);
  }
});
