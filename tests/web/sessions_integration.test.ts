// Sessions on the real model, with kernels that give the same bits whether a prompt was cached or not.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { type ChatMessage, type GenerateResult, loadModel } from 'pipit';
import { logProbability } from '../../dist/node/commands/perplexity.js';
import { rejectsWith } from './support/expect.ts';

const ID = 'smollm2-135m-instruct-q4_1';
const STORY = 'Once upon a time, in a village at the edge of a great forest,';
// Long enough that a prefill takes several chunks.
const LONG = STORY.repeat(12);
const GREEDY = { temperature: 0, maxTokens: 24, logprobs: 20 };
const QUESTION = [
  { role: 'user', content: 'What is the capital of France? Answer in one sentence.' },
];
const FOLLOW_UP = { role: 'user', content: 'And of Italy?' };

const model = await loadModel(ID, { kernels: 'simd128' });
after(() => model.dispose());

function chatTurns(first: GenerateResult): ChatMessage[] {
  return [...QUESTION, { role: 'assistant', content: first.text }, FOLLOW_UP];
}

/** Of `n` tokens those that are kept: whole tiles of four. */
const inTiles = (n: number): number => n - (n % 4);

test('the second turn of a chat computes only what is new, to the bit as a new session', async () => {
  await using session = await model.createSession();
  const first = await session.chat(QUESTION, { ...GREEDY, maxTokens: 60 }).result;
  assert.deepEqual([first.cachedTokens, first.stopReason], [0, 'eos']);
  const second = await session.chat(chatTurns(first), GREEDY).result;
  // All but the end-of-generation token, which is drawn but not computed.
  assert.equal(second.cachedTokens, inTiles(first.promptTokens + first.tokens.length));
  await using fresh = await model.createSession();
  const expected = await fresh.chat(chatTurns(first), GREEDY).result;
  assert.equal(expected.cachedTokens, 0);
  assert.equal(second.promptTokens, expected.promptTokens);
  assert.deepEqual(second.tokenLogprobs, expected.tokenLogprobs);
});

test('two conversations take turns, and answer as alone', async () => {
  const prompts = [LONG, 'The capital of France is'];
  const sessions = await Promise.all(prompts.map(() => model.createSession()));
  const order: number[] = [];
  const together = await Promise.all(
    sessions.map(async (session, i) => {
      const stream = session.generate(prompts[i]!, GREEDY);
      for await (const _ of stream) order.push(i);
      return await stream.result;
    }),
  );
  // The short prompt's tokens do not wait for the long one, and they come between its own.
  assert.equal(order[0], 1);
  assert.equal(order.at(-1), 0);
  for (const [i, session] of sessions.entries()) {
    await session.dispose();
    await using alone = await model.createSession();
    const { tokenLogprobs } = await alone.generate(prompts[i]!, GREEDY).result;
    assert.deepEqual(together[i]!.tokenLogprobs, tokenLogprobs);
  }
});

test('log-probabilities are those of the logits', async () => {
  const { tokens, tokenLogprobs } = await model.generate(STORY, { ...GREEDY, maxTokens: 4 }).result;
  const prompt = await model.tokenize(STORY);
  const rows: Float32Array[] = [];
  const { nVocab } = model.info;
  for await (const { n, logits } of model.logits([...prompt, ...tokens]))
    for (let i = 0; i < n; i++) rows.push(logits.subarray(i * nVocab, (i + 1) * nVocab));
  for (const [i, drawn] of tokenLogprobs!.entries()) {
    const row = rows[prompt.length - 1 + i]!;
    assert.equal(drawn.token, tokens[i]);
    assert.equal(drawn.topLogprobs.length, 20);
    assert.deepEqual(drawn.topLogprobs[0]!.token, drawn.token, 'greedy');
    for (const { token, logprob, text } of [drawn, ...drawn.topLogprobs]) {
      assert.ok(Math.abs(logprob - logProbability(row, token)) < 1e-4);
      assert.equal(text, await model.detokenize([token], { special: true }));
    }
  }
});

test('a session that slides goes on behind its context, and makes sense', async () => {
  const options = { nCtx: 64, whenFull: 'slide', keepTokens: 8 } as const;
  await using session = await model.createSession(options);
  const result = await session.generate(STORY, { maxTokens: 160, logprobs: 0, seed: 1 }).result;
  assert.ok(result.stopReason === 'length' || result.tokens.length > 64, result.text);
  const logprobs = result.tokenLogprobs!.map(({ logprob }) => logprob);
  assert.ok(logprobs.every(Number.isFinite));
  // Tokens that follow from a cache in disorder are guesses: ln(1/49152) is -10.8.
  const late = logprobs.slice(60);
  assert.ok(late.reduce((a, b) => a + b) / late.length > -2, result.text);
  // What comes next finds in the cache what the slides have left.
  const again = await session.generate(`${STORY}${result.text}`, { maxTokens: 1 }).result;
  assert.ok(again.cachedTokens > 8 && again.promptTokens <= 64, JSON.stringify(again));
});

test('a full context is an error or an end, unless the session slides', async () => {
  await using session = await model.createSession({ nCtx: 20 });
  await rejectsWith(
    session.generate(LONG).result,
    'context_full',
    /The prompt has \d+ tokens, but the context has room for 20/,
  );
  const { stopReason } = await session.generate(STORY, { ignoreEos: true }).result;
  assert.equal(stopReason, 'context');
  await rejectsWith(session.score(LONG, ['a']), 'context_full', /20/);
});

const impossible = [
  { nCtx: 2 ** 31 },
  { nCtx: 64, whenFull: 'slide', keepTokens: 63 },
  { nCtx: 1, whenFull: 'slide' },
  { nCtx: 64, keepTokens: 2 ** 40 },
] as const;
for (const options of impossible) {
  test(`impossible sessions are refused: ${JSON.stringify(options)}`, async () => {
    await rejectsWith(model.createSession(options), 'invalid_argument', /n_ctx|keep_tokens/);
  });
}

test('impossible numbers of alternatives are refused', async () => {
  for (const logprobs of [-2, 21])
    await rejectsWith(
      model.generate('a', { logprobs }).result,
      'invalid_argument',
      /'logprobs' is -?\d+; it must be 0 to 20/,
    );
});

test('scores choose the likeliest candidate', async () => {
  await using session = await model.createSession();
  const candidates = [' London', ' Paris', ' a banana'];
  const scores = await session.score('The capital of France is', candidates);
  const best = scores.reduce((a, b) => (b.probability > a.probability ? b : a));
  assert.equal(best.text, ' Paris');
  assert.ok(Math.abs(scores.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-9);
  // Σ log p of a candidate of several tokens, from the logits.
  const prompt = await model.tokenize('The capital of France is');
  const { tokens, logprob } = scores[2]!;
  let [expected, i] = [0, -prompt.length + 1];
  const { nVocab } = model.info;
  for await (const { n, logits } of model.logits([...prompt, ...tokens]))
    for (let row = 0; row < n; row++, i++)
      if (i >= 0 && i < tokens.length)
        expected += logProbability(logits.subarray(row * nVocab, (row + 1) * nVocab), tokens[i]!);
  assert.ok(tokens.length > 1 && Math.abs(logprob - expected) < 1e-4, `${logprob}, ${expected}`);
  // The prompt is in the session now.
  const { cachedTokens } = await session.generate(prompt, { maxTokens: 1 }).result;
  assert.equal(cachedTokens, inTiles(prompt.length - 1));
});

test("a session's memory is its own and is freed with it", async () => {
  await using own = await loadModel(ID, { kernels: 'simd128' });
  const kvBytes = async (): Promise<number> => (await own.stats()).kvBytes;
  const page = 30 * 3 * 512 * 136; // layers, heads, positions, bytes of a position
  const sessions = [await own.createSession(), await own.createSession()];
  assert.equal(await kvBytes(), 0);
  for (const session of sessions) await session.generate('Hello', { maxTokens: 2 }).result;
  assert.equal(await kvBytes(), 2 * page);
  await sessions[0]!.dispose();
  assert.equal(await kvBytes(), page);
  await sessions[1]!.dispose();
  assert.equal(await kvBytes(), 0);
});

test('cancelled anywhere, a session answers right afterwards, and soon', async () => {
  await using session = await model.createSession();
  await using fresh = await model.createSession();
  const expected = await fresh.generate(STORY, { ...GREEDY, maxTokens: 3 }).result;
  const waits: number[] = [];
  for (let ms = 0; ms < 300; ms += 20) {
    const abort = new AbortController();
    const stream = session.generate(`${STORY.slice(0, ms)} ${LONG}`, { signal: abort.signal });
    await new Promise((resolve) => setTimeout(resolve, ms));
    abort.abort();
    const start = performance.now();
    await rejectsWith(stream.result, 'cancelled');
    await model.tokenize('a'); // is answered between two steps
    waits.push(performance.now() - start);
    const { tokenLogprobs } = await session.generate(STORY, { ...GREEDY, maxTokens: 3 }).result;
    assert.deepEqual(tokenLogprobs, expected.tokenLogprobs, `after ${ms} ms`);
  }
  // A token takes 10 ms or so; with 50 ms more that would be 60, on a machine that does nothing else.
  waits.sort((a, b) => a - b);
  assert.ok(waits.at(-2)! < 500, `${waits.map(Math.round).join(', ')} ms`);
});
