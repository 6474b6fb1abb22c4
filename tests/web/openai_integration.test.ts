// model.openai on the real model.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { type OpenAI, loadModel } from 'pipit';
import { rejectsWith } from './support/expect.ts';

const model = await loadModel('smollm2-135m-instruct-q4_1');
after(() => model.dispose());
const { openai } = model;

const CHAT = {
  messages: [
    { role: 'developer', content: 'Answer in one short sentence.' },
    { role: 'user', content: [{ type: 'text', text: 'What is the capital of France?' }] },
  ],
  temperature: 0,
  max_completion_tokens: 60,
} satisfies OpenAI.ChatCompletionCreateParams;
const STORY = { prompt: 'Once upon a time, in a village', temperature: 0, max_tokens: 12 };

test('a chat completion answers, and says what it took', async () => {
  const answer = await openai.chat.completions.create(CHAT);
  const { message, finish_reason } = answer.choices[0]!;
  assert.match(message.content, /Paris/);
  assert.equal(finish_reason, 'stop');
  assert.equal(answer.model, model.info.name);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(completion_tokens, (await model.tokenize(message.content)).length);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('a stream has the whole answer, and begins before it is whole', async () => {
  // From here on the prompt is in the KV cache.
  const whole = (await openai.chat.completions.create(CHAT)).choices[0]!.message.content;
  const texts = [];
  for (const isCut of [false, true]) {
    const stream = await openai.chat.completions.create({ ...CHAT, stream: true });
    let text = '';
    for await (const { choices } of stream) {
      text += choices[0]!.delta.content ?? '';
      if (isCut && text !== '') stream.controller.abort();
    }
    texts.push(text);
  }
  assert.equal(texts[0], whole);
  assert.ok(texts[1]!.length < whole.length);
});

test('the next turn finds the conversation in the KV cache', async () => {
  const first = await openai.chat.completions.create(CHAT);
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    ...CHAT.messages,
    first.choices[0]!.message,
    { role: 'user', content: 'And of Italy?' },
  ];
  const { usage } = await openai.chat.completions.create({ ...CHAT, messages });
  const { cached_tokens } = usage.prompt_tokens_details;
  assert.ok(
    cached_tokens > first.usage.total_tokens - 1 - 4 && cached_tokens < usage.prompt_tokens,
  );
});

test('a seed makes a sampled answer reproducible', async () => {
  const texts = [];
  for (const seed of [1, 1, 2]) {
    const { choices } = await openai.completions.create({ ...STORY, temperature: 1.5, seed });
    texts.push(choices[0]!.text);
  }
  assert.equal(texts[0], texts[1]);
  assert.notEqual(texts[0], texts[2]);
});

test('log-probabilities: the chosen token is the likeliest of a greedy answer', async () => {
  const answer = await openai.chat.completions.create({ ...CHAT, logprobs: true, top_logprobs: 3 });
  const { message, logprobs } = answer.choices[0]!;
  const { content } = logprobs!;
  assert.equal(content.map(({ token }) => token).join(''), message.content);
  for (const { token, bytes, logprob, top_logprobs } of content) {
    assert.deepEqual([top_logprobs.length, top_logprobs[0]], [3, { token, bytes, logprob }]);
    assert.ok(logprob <= 0 && top_logprobs[2]!.logprob <= top_logprobs[1]!.logprob);
  }
});

test('completions: offsets of the tokens, a stop string, and a forbidden token', async () => {
  const whole = await openai.completions.create({ ...STORY, logprobs: 2 });
  const { text, logprobs } = whole.choices[0]!;
  const { tokens, text_offset, top_logprobs } = logprobs!;
  for (const [i, token] of tokens.entries()) {
    assert.ok((STORY.prompt + text).startsWith(token, text_offset[i]));
    assert.ok(token in top_logprobs![i]!);
  }
  assert.equal(whole.choices[0]!.finish_reason, 'length');

  const stop = text.slice(10, 14);
  const stopped = await openai.completions.create({ ...STORY, stop });
  assert.equal(stopped.choices[0]!.text, text.slice(0, text.indexOf(stop)));
  assert.equal(stopped.choices[0]!.finish_reason, 'stop');

  const [first] = await model.tokenize(tokens[0]!);
  const other = await openai.completions.create({ ...STORY, logit_bias: { [first!]: -100 } });
  assert.ok(!other.choices[0]!.text.startsWith(tokens[0]!));
});

test('a prompt that is too long rejects the request', async () => {
  const prompt = Array.from({ length: 8200 }, () => 0);
  for (const stream of [false, true]) {
    await rejectsWith(openai.completions.create({ prompt, stream }), 'context_full', /8192/);
  }
});
