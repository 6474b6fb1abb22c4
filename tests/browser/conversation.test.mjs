// Conversations with the real model, as tests/web has them in Node: sessions that keep what they have computed, and code that was
// written for OpenAI's API.
import assert from 'node:assert/strict';
import path from 'node:path';

import { MODEL } from '../golden/support.ts';
import { browserTest, serveHere } from './support/browsers.mjs';

const server = await serveHere({ '/model.gguf': path.resolve(`models/cache/${MODEL}.gguf`) });

/** In the page: what came of requests to model.openai. */
async function askOpenAI() {
  const { loadModel } = await import('/dist/browser/index.js');
  await using model = await loadModel('/model.gguf');
  const { chat, completions } = model.openai;
  const messages = [{ role: 'user', content: 'Name three birds.' }];
  const request = { model: 'any', messages, temperature: 0, max_tokens: 12, n: 1 };
  const first = await chat.completions.create(request);
  const stream = await chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const next = [...messages, first.choices[0].message, { role: 'user', content: 'One more.' }];
  const second = await chat.completions.create({ ...request, messages: next });
  const seeded = {
    messages,
    temperature: 1,
    seed: 7,
    max_tokens: 8,
    logprobs: true,
    top_logprobs: 2,
  };
  const drawn = [];
  for (let i = 0; i < 2; i++) drawn.push((await chat.completions.create(seeded)).choices[0]);
  const counted = await completions.create({
    prompt: 'One, two, three, four,',
    temperature: 0,
    max_tokens: 20,
    stop: [' seven'],
  });
  const refusal = await chat.completions
    .create({ ...request, n: 2 })
    .catch(({ name, code, message }) => ({
      name,
      code,
      message,
    }));
  return { first, chunks, second, drawn, counted, refusal };
}

browserTest("OpenAI's API", { url: server.url }, async ({ tab }) => {
  const { first, chunks, second, drawn, counted, refusal } = await tab.run(
    100,
    'Asking',
    askOpenAI,
  );
  assert.equal(first.object, 'chat.completion');
  const [choice] = first.choices;
  assert.equal(choice.message.role, 'assistant');
  assert.equal(first.usage.total_tokens, first.usage.prompt_tokens + first.usage.completion_tokens);

  assert.ok(chunks.every(({ object }) => object === 'chat.completion.chunk'));
  const deltas = chunks.flatMap(({ choices }) => choices);
  assert.equal(deltas.map(({ delta }) => delta.content ?? '').join(''), choice.message.content);
  assert.deepEqual(
    deltas.map(({ finish_reason }) => finish_reason).filter((reason) => reason !== null),
    [choice.finish_reason],
  );
  assert.equal(chunks.at(-1).usage.completion_tokens, first.usage.completion_tokens);

  const { prompt_tokens, prompt_tokens_details } = second.usage;
  // All of the first turn but what its last tile of four tokens shares with the new one.
  assert.ok(prompt_tokens_details.cached_tokens >= first.usage.total_tokens - 4);
  assert.ok(prompt_tokens_details.cached_tokens < prompt_tokens);

  assert.deepEqual(drawn[0], drawn[1]);
  for (const { top_logprobs, logprob } of drawn[0].logprobs.content) {
    assert.equal(top_logprobs.length, 2);
    assert.ok(logprob <= 0);
  }
  assert.deepEqual(
    [counted.choices[0].text, counted.choices[0].finish_reason],
    [' five, six,', 'stop'],
  );
  assert.deepEqual([refusal.name, refusal.code], ['PipitError', 'unsupported']);
  assert.match(refusal.message, /'n'/);
});

/** In the page: what came of several sessions. */
async function converse() {
  const { loadModel } = await import('/dist/browser/index.js');
  await using model = await loadModel('/model.gguf', { kernels: 'simd128' });
  const options = { temperature: 0, maxTokens: 12, ignoreEos: true };
  const prompts = ['The capital of France is', 'Water boils at'];
  const answer = async (session, prompt) => (await session.generate(prompt, options).result).text;
  const open = () => Promise.all(prompts.map(() => model.createSession({ nCtx: 256 })));
  const alone = [];
  for (const [i, session] of (await open()).entries())
    alone.push(await answer(session, prompts[i]));
  const sessions = await open();
  const together = await Promise.all(sessions.map((each, i) => answer(each, prompts[i])));
  const again = await sessions[0].generate(prompts[0] + alone[0] + ' It', options).result;

  const small = await model.createSession({ nCtx: 32 });
  const ended = await small.generate(prompts[0], { ...options, maxTokens: -1 }).result;
  const tooLong = await small
    .generate('word '.repeat(40), options)
    .result.catch(({ code }) => code);
  const sliding = await model.createSession({ nCtx: 32, whenFull: 'slide', keepTokens: 4 });
  const slid = await sliding.generate(prompts[0], { ...options, maxTokens: 100 }).result;
  const { cachedTokens, promptTokens } = again;
  return {
    ...{ alone, together, cachedTokens, promptTokens, tooLong },
    ended: [ended.stopReason, ended.promptTokens + ended.tokens.length],
    slid: [slid.stopReason, slid.tokens.length],
  };
}

browserTest('sessions', { url: server.url }, async ({ tab }) => {
  const result = await tab.run(100, 'Conversing', converse);
  assert.deepEqual(result.together, result.alone);
  assert.ok(result.cachedTokens > 8 && result.cachedTokens < result.promptTokens);
  assert.equal(result.tooLong, 'context_full');
  // The last token needs no place: nothing follows it.
  assert.deepEqual(result.ended, ['context', 33]);
  assert.deepEqual(result.slid, ['length', 100]);
});
