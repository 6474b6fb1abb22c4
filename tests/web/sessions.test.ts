// Sessions of the client against a fake engine: reuse, turns, scores, cancelling and disposing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { rejectsWith, textOf, throwsWith } from './support/expect.ts';
import { FakeWorker, loadFake } from './support/fake_worker.ts';

const PROMPT = 'abcdefghij';

test("a session's prompt costs only what is new, and so does that of the model's own calls", async () => {
  const { model } = await loadFake();
  const session = await model.createSession();
  for (const conversation of [model, session]) {
    const progress: number[] = [];
    const options = {
      maxTokens: 1,
      onPrefill: ({ done }: { done: number }) => progress.push(done),
    };
    const first = await conversation.generate(PROMPT, options).result;
    const second = await conversation.generate(`${PROMPT}klm`, options).result;
    assert.deepEqual([first.promptTokens, first.cachedTokens], [10, 0]);
    assert.deepEqual([second.promptTokens, second.cachedTokens], [13, 10]);
    assert.deepEqual(progress, [4, 8, 10, 13]);
  }
});

test('sessions take turns step by step; the requests of one run in order', async () => {
  const { model, worker } = await loadFake();
  const session = await model.createSession();
  worker.engine.log.length = 0;
  const order: string[] = [];
  const note = (name: string) => (): void => void order.push(name);
  await Promise.all([
    model.generate('a'.repeat(40), { maxTokens: 4 }).result.then(note('long')),
    model.generate('b', { maxTokens: 1 }).result.then(note('behind it')),
    session.generate('c', { maxTokens: 4 }).result.then(note('beside it')),
  ]);
  assert.deepEqual(order, ['beside it', 'long', 'behind it']);
  const { log } = worker.engine;
  assert.ok(log.indexOf('token 0') < log.indexOf('2: prefill 12'), log.join(', '));
});

test('log-probabilities come with the pieces and with the result', async () => {
  const { model } = await loadFake();
  const stream = model.generate('a', { maxTokens: 2, logprobs: 1 });
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  const of = (token: number): object => ({
    token,
    text: String(token),
    bytes: [48 + token],
    logprob: -token,
  });
  assert.deepEqual(pieces, [
    { text: '0', token: 0, logprob: of(0), topLogprobs: [of(0)] },
    { text: '1', token: 1, logprob: of(1), topLogprobs: [of(0)] },
  ]);
  const { tokenLogprobs } = await stream.result;
  assert.deepEqual(tokenLogprobs, [
    { ...of(0), topLogprobs: [of(0)] },
    { ...of(1), topLogprobs: [of(0)] },
  ]);
  const without = await model.generate('a', { maxTokens: 2 }).result;
  assert.ok(!('tokenLogprobs' in without));
});

test('scores of candidates, with their shares of the probability', async () => {
  const { model, worker } = await loadFake();
  const scores = await model.score([{ role: 'user', content: 'hi' }], ['x', 'yz<|end|>']);
  assert.deepEqual(
    scores.map(({ text, tokens, logprob }) => ({ text, n: tokens.length, logprob })),
    [
      { text: 'x', n: 1, logprob: -1 },
      { text: 'yz<|end|>', n: 9, logprob: -9 },
    ],
  );
  const [first, second] = scores.map(({ probability }) => probability);
  assert.ok(
    Math.abs(first! + second! - 1) < 1e-12 && Math.abs(first! / second! - Math.exp(8)) < 1e-6,
  );
  assert.ok(worker.engine.log.includes('tokenize "x" goes on'), 'without a space in front of it');
  assert.ok(worker.engine.log.includes('score 3: 1,9'));
  assert.deepEqual(await model.score('a', ['x']), [
    { text: 'x', tokens: [120], logprob: -1, probability: 1 },
  ]);
});

test('scoring can be cancelled, and the session goes on', async () => {
  const { model } = await loadFake();
  const abort = new AbortController();
  const scores = model.score('a', Array<string>(20).fill('x'), { signal: abort.signal });
  setImmediate(() => abort.abort());
  await rejectsWith(scores, 'cancelled');
  assert.equal((await model.score('a', ['x'])).length, 1);
});

const wrongScores: { name: string; args: unknown[]; message: RegExp }[] = [
  { name: 'no candidates', args: ['a', []], message: /at least one text, not an empty array/ },
  { name: 'no array', args: ['a', 'b'], message: /array of at least one text, not 'b'/ },
  { name: 'no text', args: ['a', ['b', 5]], message: /candidates\[1\] must be a string, not 5/ },
  { name: 'no prompt', args: [5, ['b']], message: /array of token ids, not 5/ },
  {
    name: 'an unknown option',
    args: ['a', ['b'], { tpo: 1 }],
    message: /no option of score\(\) 'tpo'/,
  },
];
for (const { name, args, message } of wrongScores) {
  test(`score() refuses ${name}`, async () => {
    const { model } = await loadFake();
    await rejectsWith(model.score(...(args as ['a', ['b']])), 'invalid_argument', message);
  });
}

const wrongOptions: { options: object; message: RegExp }[] = [
  { options: { nctx: 5 }, message: /no option of createSession\(\) 'nctx' \(did you mean 'nCtx'/ },
  { options: { nCtx: -1 }, message: /'nCtx' must be a whole number from 0, not -1/ },
  { options: { nCtx: '5' }, message: /'nCtx'.*not '5'/ },
  { options: { keepTokens: 1.5 }, message: /'keepTokens'.*not 1.5/ },
  { options: { whenFull: 'explode' }, message: /'stop' or 'slide', not 'explode'/ },
  { options: { nCtx: 5000 }, message: /n_ctx/ }, // the engine's word
];
for (const { options, message } of wrongOptions) {
  test(`createSession() refuses ${JSON.stringify(options)}`, async () => {
    const { model } = await loadFake();
    await rejectsWith(model.createSession(options), 'invalid_argument', message);
    assert.equal((await model.generate('a', { maxTokens: 1 }).result).text, '0');
  });
}

test('the context size is that of the session, the model, or the training', async () => {
  const trained = (await loadFake()).model;
  assert.equal((await trained.createSession()).nCtx, 64);
  const told = await new FakeWorker().load({ nCtx: 32 });
  assert.equal((await told.createSession()).nCtx, 32);
  assert.equal((await told.createSession({ nCtx: 16 })).nCtx, 16);
  assert.equal((await told.createSession({ nCtx: 0 })).nCtx, 64);
});

test('a disposed session rejects what is pending and what comes later; others go on', async () => {
  const { model, worker } = await loadFake();
  const session = await model.createSession();
  const running = session.generate(PROMPT);
  const queued = session.generate(PROMPT);
  await running.next();
  const other = model.generate(PROMPT, { maxTokens: 3 });
  await Promise.all([session.dispose(), session.dispose()]);
  for (const promise of [
    running.result,
    textOf(queued),
    session.generate('a').result,
    session.chat([{ role: 'user', content: 'a' }]).result,
    session.score('a', ['b']),
  ]) {
    await rejectsWith(promise, 'cancelled', /^The session was disposed\.$/);
  }
  throwsWith(() => session.generate('a', { topk: 1 } as object), 'invalid_argument');
  assert.equal((await other.result).text, '012');
  assert.equal(worker.engine.sessions.size, 1);
});

test('sessions outlive neither their model nor their worker', async () => {
  for (const end of ['dispose', 'kill'] as const) {
    const { model, worker } = await loadFake();
    const session = await model.createSession();
    const stream = session.generate(PROMPT);
    await stream.next();
    if (end === 'kill') worker.kill();
    else await model.dispose();
    const code = end === 'kill' ? 'worker_died' : 'cancelled';
    await rejectsWith(stream.result, code);
    await rejectsWith(session.generate('a').result, code);
    await rejectsWith(model.createSession(), code);
    await session.dispose();
  }
});

test('await using disposes of a session', async () => {
  const { model, worker } = await loadFake();
  {
    await using session = await model.createSession();
    await session.generate('a', { maxTokens: 1 }).result;
  }
  assert.deepEqual([...worker.engine.sessions.keys()], []);
});

test('a forgotten session is freed once its generation has ended', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const { model, worker } = await loadFake();
  const stream = await (async () =>
    (await model.createSession()).generate('a', { maxTokens: 300 }))();
  assert.equal(worker.engine.sessions.size, 1);
  for (let i = 0; i < 200 && worker.engine.sessions.size > 0; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(worker.engine.sessions.size, 0);
  assert.equal((await stream.result).tokens.length, 300);
});

// After every number of the worker's steps, in the queue, in the prompt and between tokens.
for (const how of ['abort', 'return', 'dispose'] as const) {
  test(`cancelled anywhere by ${how}, the next request runs and each is answered once`, async () => {
    for (let n = 0; n < 12; n++) {
      const { model, worker } = await loadFake();
      const session = await model.createSession();
      const abort = new AbortController();
      const before = session.generate('x', { maxTokens: n % 3 });
      const stream = session.generate(PROMPT, { signal: abort.signal });
      for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
      if (how === 'abort') abort.abort();
      else if (how === 'return') await stream.return();
      else await session.dispose();
      await rejectsWith(stream.result, 'cancelled');
      if (how !== 'dispose') await before.result;
      const next = how === 'dispose' ? model : session;
      assert.equal((await next.generate(PROMPT, { maxTokens: 3 }).result).text, '012');
      const answers = worker.sent.filter(({ type }) => type !== 'event').map(({ id }) => id);
      assert.equal(new Set(answers).size, answers.length);
    }
  });
}
