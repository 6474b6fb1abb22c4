// model.openai: answers, chunks, log-probabilities, usage, cancelling and errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';

import type { OpenAI } from '../../web/src/index.ts';
import type { GenerateResult, Piece, TokenLogprob } from '../../web/src/protocol.ts';
import { rejectsWith } from './support/expect.ts';
import { loadFake } from './support/fake_worker.ts';
import { loadScripted } from './support/scripted_worker.ts';

const CHAT = {
  messages: [{ role: 'user', content: 'Hi' }],
} satisfies OpenAI.ChatCompletionCreateParams;
const PROMPT = { prompt: 'abcdefghij' };
const HELLO: Piece[] = [
  { token: 1, text: 'Hel' },
  { token: 2, text: '' },
  { token: 3, text: 'lo' },
];
const USAGE = {
  prompt_tokens: 7,
  completion_tokens: 3,
  total_tokens: 10,
  prompt_tokens_details: { cached_tokens: 5 },
};
const FINGERPRINT = /^pipit-\d+\.\d+\.\d+-fake-f32$/;

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}

/** What differs from one answer to the next, checked and taken away. */
function body<
  Answer extends OpenAI.ChatCompletion | OpenAI.ChatCompletionChunk | OpenAI.Completion,
>(answer: Answer, prefix: string): Omit<Answer, 'id' | 'created' | 'system_fingerprint'> {
  const { id, created, system_fingerprint, ...rest } = answer;
  assert.match(id, new RegExp(`^${prefix}-[0-9a-f]{24}$`));
  assert.ok(Number.isInteger(created) && Math.abs(created - Date.now() / 1000) < 60);
  assert.match(system_fingerprint, FINGERPRINT);
  return rest;
}

test('a chat completion', async () => {
  const { model } = await loadScripted(HELLO);
  const answer = await model.openai.chat.completions.create(CHAT);
  assert.deepEqual(body(answer, 'chatcmpl'), {
    object: 'chat.completion',
    model: 'Scripted',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: USAGE,
  });
});

test('a chat completion in chunks', async () => {
  const { model } = await loadScripted(HELLO);
  const chunks = await all(await model.openai.chat.completions.create({ ...CHAT, stream: true }));
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  const deltas: [delta: object, finish: string | null][] = [
    [{ role: 'assistant', content: '', refusal: null }, null],
    [{ content: 'Hel' }, null],
    [{ content: 'lo' }, null],
    [{}, 'stop'],
  ];
  assert.deepEqual(
    chunks.map((chunk) => body(chunk, 'chatcmpl')),
    deltas.map(([delta, finish_reason]) => ({
      object: 'chat.completion.chunk',
      model: 'Scripted',
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    })),
  );
});

test('a completion', async () => {
  const { model } = await loadScripted(HELLO, { stopReason: 'length' });
  const answer = await model.openai.completions.create(PROMPT);
  assert.deepEqual(body(answer, 'cmpl'), {
    object: 'text_completion',
    model: 'Scripted',
    choices: [{ index: 0, text: 'Hello', logprobs: null, finish_reason: 'length' }],
    usage: USAGE,
  });
});

test('a completion in chunks', async () => {
  const { model } = await loadScripted(HELLO);
  const chunks = await all(await model.openai.completions.create({ ...PROMPT, stream: true }));
  const texts: [text: string, finish: string | null][] = [
    ['Hel', null],
    ['lo', null],
    ['', 'stop'],
  ];
  assert.deepEqual(
    chunks.map((chunk) => body(chunk, 'cmpl')),
    texts.map(([text, finish_reason]) => ({
      object: 'text_completion',
      model: 'Scripted',
      choices: [{ index: 0, text, logprobs: null, finish_reason }],
    })),
  );
});

test('include_usage: null in every chunk, and one more that has it and no choice', async () => {
  const { model } = await loadScripted(HELLO);
  const options = { stream: true, stream_options: { include_usage: true } } as const;
  for (const stream of [
    await model.openai.chat.completions.create({ ...CHAT, ...options }),
    await model.openai.completions.create({ ...PROMPT, ...options }),
  ]) {
    const chunks = await all<OpenAI.ChatCompletionChunk | OpenAI.Completion>(stream);
    const last = chunks.pop()!;
    assert.deepEqual([last.choices, last.usage], [[], USAGE]);
    for (const { usage, choices } of chunks) assert.deepEqual([usage, choices.length], [null, 1]);
  }
});

const reasons: Record<GenerateResult['stopReason'], OpenAI.FinishReason> = {
  eos: 'stop',
  stop: 'stop',
  length: 'length',
  context: 'length',
};
for (const [stopReason, expected] of Object.entries(reasons)) {
  test(`a generation that ends by '${stopReason}' has the finish_reason '${expected}'`, async () => {
    const { model } = await loadScripted(HELLO, { stopReason } as Partial<GenerateResult>);
    const { choices } = await model.openai.chat.completions.create(CHAT);
    assert.equal(choices[0]!.finish_reason, expected);
  });
}

function logprob(text: string, logprob: number, bytes = [...Buffer.from(text)]): TokenLogprob {
  return { token: 1, text, bytes, logprob };
}

// A character in two tokens, then text that is held back and turns out to be the stop string.
const CUT: Piece[] = [
  { token: 1, text: 'Hä', logprob: logprob('Hä', -0.5), topLogprobs: [logprob('Hä', -0.5)] },
  { token: 2, text: '', logprob: logprob('\uFFFD', -1, [0xe2, 0x82]), topLogprobs: [] },
  {
    token: 3,
    text: '€',
    logprob: logprob('\uFFFD', -2, [0xac]),
    topLogprobs: [logprob('!', -0.1)],
  },
  { token: 4, text: '', logprob: logprob('.E', -3), topLogprobs: [] },
  { token: 5, text: '', logprob: logprob('ND', -4), topLogprobs: [] },
  { token: null, text: '.' },
];
const entry = (
  text: string,
  logprob: number,
  bytes = [...Buffer.from(text)],
): OpenAI.TopLogprob => ({
  token: text,
  bytes,
  logprob,
});
const CHAT_LOGPROBS = [
  { ...entry('Hä', -0.5), top_logprobs: [entry('Hä', -0.5)] },
  { ...entry('\uFFFD', -1, [0xe2, 0x82]), top_logprobs: [] },
  { ...entry('\uFFFD', -2, [0xac]), top_logprobs: [entry('!', -0.1)] },
  { ...entry('.E', -3), top_logprobs: [] },
];

test('chat log-probabilities: those of the tokens that begin in the text, not of what the stop string cut off', async () => {
  const { model } = await loadScripted(CUT, { stopReason: 'stop' });
  const request = { ...CHAT, logprobs: true, top_logprobs: 1 };
  const answer = await model.openai.chat.completions.create(request);
  assert.deepEqual(answer.choices[0]!.logprobs, { content: CHAT_LOGPROBS, refusal: null });
});

test('chat log-probabilities come with the chunk of their text', async () => {
  const { model } = await loadScripted(CUT, { stopReason: 'stop' });
  const request = { ...CHAT, logprobs: true, top_logprobs: 1, stream: true } as const;
  const chunks = await all(await model.openai.chat.completions.create(request));
  const found = chunks.map(({ choices }) => [
    choices[0]!.delta.content,
    choices[0]!.logprobs?.content.length,
  ]);
  assert.deepEqual(found, [
    ['', undefined],
    ['Hä', 1],
    ['€', 2],
    ['.', 1],
    [undefined, undefined],
  ]);
});

test('tokens without text of their own are told at the end, unless it was a stop string', async () => {
  const pieces = [{ token: 2, text: '', logprob: logprob('\uFFFD', -1, [0xe2]), topLogprobs: [] }];
  for (const [stopReason, count] of [['length', 1] as const, ['stop', 0] as const]) {
    const { model } = await loadScripted(pieces, { stopReason });
    const answer = await model.openai.chat.completions.create({ ...CHAT, logprobs: true });
    assert.equal(answer.choices[0]!.logprobs?.content.length, count);
  }
});

test('log-probabilities of completions: offsets count from the start of the prompt', async () => {
  const { model } = await loadScripted(CUT, { stopReason: 'stop' });
  const answer = await model.openai.completions.create({ ...PROMPT, logprobs: 1 });
  assert.deepEqual(answer.choices[0]!.logprobs, {
    tokens: ['Hä', '\uFFFD', '\uFFFD', '.E'],
    token_logprobs: [-0.5, -1, -2, -3],
    top_logprobs: [{ Hä: -0.5 }, { '\uFFFD': -1 }, { '!': -0.1, '\uFFFD': -2 }, { '.E': -3 }],
    text_offset: [10, 12, 12, 13],
  });
  const ids = await model.openai.completions.create({ prompt: [1, 2], logprobs: 0 });
  assert.deepEqual(ids.choices[0]!.logprobs?.text_offset, [0, 2, 2, 3]);
  assert.equal(ids.choices[0]!.logprobs?.top_logprobs, undefined);
});

test("the openai package's own stream helper puts the chunks together to the same answer", async () => {
  const { model } = await loadScripted(CUT, { stopReason: 'stop' });
  const request = { ...CHAT, logprobs: true, top_logprobs: 1 };
  const stream = await model.openai.chat.completions.create({ ...request, stream: true });
  const helper = ChatCompletionStream.fromReadableStream(stream.toReadableStream());
  const texts: string[] = [];
  helper.on('content', (text) => texts.push(text));
  const { choices } = await helper.finalChatCompletion();
  assert.deepEqual(texts, ['Hä', '€', '.']);
  const answer = await model.openai.chat.completions.create(request);
  assert.equal(choices[0]!.message.content, answer.choices[0]!.message.content);
  assert.equal(choices[0]!.finish_reason, answer.choices[0]!.finish_reason);
  assert.deepEqual(choices[0]!.logprobs, answer.choices[0]!.logprobs);
});

const cancels = {
  'controller.abort()': (stop: { controller: AbortController }) => stop.controller.abort(),
  'the signal': (stop: { abort: AbortController }) => stop.abort.abort(),
};
for (const [name, cancel] of Object.entries(cancels)) {
  test(`${name} ends a stream without an error and cancels the generation`, async () => {
    const { model, worker } = await loadFake();
    const abort = new AbortController();
    const request = { ...CHAT, stream: true } as const;
    const stream = await model.openai.chat.completions.create(request, { signal: abort.signal });
    let text = '';
    for await (const { choices } of stream) {
      text += choices[0]!.delta.content ?? '';
      if (text === '0123') cancel({ controller: stream.controller, abort });
    }
    assert.equal(text, '0123');
    assert.ok(stream.controller.signal.aborted);
    await isFree(model, worker);
  });
}

test('break and the cancelling of a readable stream cancel the generation', async () => {
  const { model, worker } = await loadFake();
  const request = { ...PROMPT, stream: true } as const;
  const stream = await model.openai.completions.create(request);
  for await (const { choices } of stream) if (choices[0]!.text === '3') break;
  assert.ok(stream.controller.signal.aborted);
  await isFree(model, worker);
  const other = await model.openai.completions.create(request);
  await other.toReadableStream().cancel();
  await isFree(model, worker);
});

/** The worker, which would count for ever, takes the next request. */
async function isFree(
  model: Awaited<ReturnType<typeof loadFake>>['model'],
  worker: Awaited<ReturnType<typeof loadFake>>['worker'],
): Promise<void> {
  const { choices } = await model.openai.completions.create({ prompt: 'a', max_tokens: 1 });
  assert.equal(choices[0]!.text, '0');
  assert.ok(!worker.engine.log.includes('token 20'));
}

test('an aborted request rejects, whether it was to stream or not', async () => {
  const { model } = await loadFake();
  for (const stream of [false, true]) {
    const signal = AbortSignal.abort();
    const answer = model.openai.chat.completions.create({ ...CHAT, stream }, { signal });
    await rejectsWith(answer, 'cancelled');
  }
  const abort = new AbortController();
  const { signal } = abort;
  const running = model.openai.chat.completions.create(CHAT, { signal });
  setImmediate(() => abort.abort());
  await rejectsWith(running, 'cancelled');
});

test('what is wrong with the prompt rejects the request, also of a stream', async () => {
  const { model } = await loadFake();
  for (const stream of [false, true]) {
    const request = { prompt: 'a'.repeat(65), stream };
    await rejectsWith(model.openai.completions.create(request), 'context_full', /does not fit/);
  }
});

test('what happens in the middle of a stream rejects its loop', async () => {
  const failures: ((fake: Awaited<ReturnType<typeof loadFake>>) => unknown)[] = [
    ({ worker }) => worker.kill(),
    ({ model }) => model.dispose(),
  ];
  for (const [i, fail] of failures.entries()) {
    const fake = await loadFake();
    const stream = await fake.model.openai.chat.completions.create({ ...CHAT, stream: true });
    const read = async (): Promise<void> => {
      for await (const { choices } of stream)
        if (choices[0]!.delta.content === '2') await fail(fake);
    };
    await rejectsWith(read(), ['worker_died', 'cancelled'][i]!);
  }
});

test('a stream is read once', async () => {
  const { model } = await loadScripted(HELLO);
  const stream = await model.openai.completions.create({ ...PROMPT, stream: true });
  await all(stream);
  await rejectsWith(all(stream), 'invalid_argument', /only once/);
  assert.equal(stream.controller.signal.aborted, false);
});

test('model.openai is always the same', async () => {
  const { model } = await loadScripted();
  assert.equal(model.openai, model.openai);
});

test('embeddings of a text and of several', async () => {
  const { model } = await loadFake();
  assert.deepEqual(await model.openai.embeddings.create({ input: 'abc', model: 'any' }), {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: [3] }],
    model: 'fake file',
    usage: { prompt_tokens: 3, total_tokens: 3 },
  });
  const { data, usage } = await model.openai.embeddings.create({ input: ['ab', 'c'] });
  assert.deepEqual(
    data.map(({ index, embedding }) => [index, ...embedding]),
    [
      [0, 2],
      [1, 1],
    ],
  );
  assert.deepEqual(usage, { prompt_tokens: 3, total_tokens: 3 });
});

const EMBEDDING_REFUSALS: [body: object, code: string, message: RegExp][] = [
  [{ input: [] }, 'invalid_argument', /'input' must be a text or an array of texts, not an empty/],
  [{ input: 5 }, 'invalid_argument', /'input' must be a text or an array of texts, not 5/],
  [{ input: [[1, 2]] }, 'invalid_argument', /input\[0\] must be a string, not an array/],
  [{ input: 'a', encoding_format: 'base64' }, 'unsupported', /'encoding_format'.*only 'float'/],
  [{ input: 'a', dimensions: 256 }, 'unsupported', /'dimensions' asks for \(256\)/],
  [{ inputs: 'a' }, 'invalid_argument', /no field of the request 'inputs'.*'input'/],
];
for (const [body, code, message] of EMBEDDING_REFUSALS) {
  test(`embeddings refuse ${JSON.stringify(body)}`, async () => {
    const { model } = await loadFake();
    await rejectsWith(
      model.openai.embeddings.create(body as OpenAI.EmbeddingCreateParams),
      code,
      message,
    );
  });
}
