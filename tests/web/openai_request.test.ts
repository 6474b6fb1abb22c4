// What the fields of OpenAI's requests do to a generation, and which are refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { LanguageModel } from '../../web/src/client.ts';
import { rejectsWith } from './support/expect.ts';
import { loadScripted } from './support/scripted_worker.ts';

const MESSAGES = [{ role: 'user', content: 'Hi' }];

type Fields = Record<string, unknown>;
/** What each API must have, and how it is called. */
const APIS = {
  chat: (model: LanguageModel, fields: Fields): Promise<unknown> =>
    model.openai.chat.completions.create({ messages: MESSAGES, ...fields } as never),
  completions: (model: LanguageModel, fields: Fields): Promise<unknown> =>
    model.openai.completions.create({ prompt: 'Once', ...fields } as never),
};
const BOTH = ['chat', 'completions'] as const;
const CHAT = ['chat'] as const;
const COMPLETIONS = ['completions'] as const;
type Apis = readonly (keyof typeof APIS)[];

const options: [apis: Apis, fields: Fields, expected: object][] = [
  [BOTH, {}, {}],
  [BOTH, { model: 'gpt-4o-mini', user: 'me', n: 1, stream: false }, {}],
  [
    BOTH,
    { temperature: null, top_p: undefined, stop: null, n: null, logit_bias: null, logprobs: null },
    {},
  ],
  [BOTH, { temperature: 0.5, top_p: 0.8 }, { temperature: 0.5, topP: 0.8 }],
  [
    BOTH,
    { presence_penalty: 1, frequency_penalty: -0.5 },
    { presencePenalty: 1, frequencyPenalty: -0.5 },
  ],
  [BOTH, { max_tokens: 9 }, { maxTokens: 9 }],
  [BOTH, { stop: 'a' }, { stop: 'a' }],
  [BOTH, { stop: ['a', 'b', 'c', 'd'] }, { stop: ['a', 'b', 'c', 'd'] }],
  [
    BOTH,
    { logit_bias: { 3: -100, 50: 2.5, 51: 100 } },
    {
      logitBias: [
        [3, -Infinity],
        [50, 2.5],
        [51, 100],
      ],
    },
  ],
  [
    BOTH,
    { top_k: 5, min_p: 0.1, repeat_penalty: 1.1, penalty_last_n: 8, ignore_eos: true },
    { topK: 5, minP: 0.1, repeatPenalty: 1.1, penaltyLastN: 8, ignoreEos: true },
  ],
  [CHAT, { max_completion_tokens: 9, max_tokens: null }, { maxTokens: 9 }],
  [CHAT, { logprobs: true }, { logprobs: 0 }],
  [CHAT, { logprobs: true, top_logprobs: 20 }, { logprobs: 20 }],
  [CHAT, { logprobs: false }, {}],
  [CHAT, { response_format: { type: 'text' }, modalities: ['text'] }, {}],
  [CHAT, { tools: [], tool_choice: 'auto', functions: [], function_call: 'none' }, {}],
  [CHAT, { reasoning_effort: 'none', verbosity: 'medium', audio: null }, {}],
  [CHAT, { metadata: { a: 'b' }, store: true, service_tier: 'flex', safety_identifier: 'x' }, {}],
  [
    CHAT,
    {
      prompt_cache_key: 'x',
      prompt_cache_options: { mode: 'implicit' },
      prompt_cache_retention: '24h',
      parallel_tool_calls: false,
      prediction: { type: 'content', content: 'Hi' },
    },
    {},
  ],
  [COMPLETIONS, { logprobs: 0 }, { logprobs: 0 }],
  [COMPLETIONS, { logprobs: 5 }, { logprobs: 5 }],
  [COMPLETIONS, { best_of: 1, echo: false, suffix: '' }, {}],
];
for (const [apis, fields, expected] of options) {
  for (const api of apis) {
    test(`${api} with ${JSON.stringify(fields)}`, async () => {
      const { model, worker } = await loadScripted();
      await APIS[api](model, { seed: 7, ...fields });
      assert.deepEqual(worker.generations[0]!.options, { seed: 7, ...expected });
    });
  }
}

const refusals: [apis: Apis, code: string, fields: Fields, message: RegExp][] = [
  [BOTH, 'invalid_argument', { temprature: 1 }, /'temprature' \(did you mean 'temperature'\?\)/],
  [BOTH, 'invalid_argument', { temperature: '1' }, /'temperature' must be a number, not '1'/],
  [BOTH, 'invalid_argument', { top_k: 1.5 }, /'top_k' must be a whole number, not 1.5/],
  [BOTH, 'invalid_argument', { max_tokens: 'all' }, /'max_tokens' must be a whole number/],
  [BOTH, 'invalid_argument', { seed: -1 }, /'seed' must be 0 or more/],
  [BOTH, 'invalid_argument', { stop: [1] }, /'stop' must be a string or an array/],
  [BOTH, 'invalid_argument', { stop: ['a', 'b', 'c', 'd', 'e'] }, /'stop' has 5 texts; at most 4/],
  [BOTH, 'invalid_argument', { logit_bias: 1 }, /'logit_bias' must be an object by token id/],
  [BOTH, 'invalid_argument', { logit_bias: { the: 1 } }, /'logit_bias' has the key 'the'/],
  [BOTH, 'invalid_argument', { logit_bias: [[1, 1]] }, /'logit_bias' .* not an array/],
  [BOTH, 'invalid_argument', { logit_bias: { 1: 101 } }, /from -100 to 100, not 101/],
  [BOTH, 'invalid_argument', { stream: 'yes' }, /'stream' must be true or false/],
  [BOTH, 'invalid_argument', { stream_options: {} }, /'stream_options' .* stream: true/],
  [
    BOTH,
    'invalid_argument',
    { stream: true, stream_options: { include_use: true } },
    /no field of stream_options 'include_use' \(did you mean 'include_usage'/,
  ],
  [
    BOTH,
    'invalid_argument',
    { stream: true, stream_options: { include_usage: 1 } },
    /'stream_options.include_usage' must be true or false/,
  ],
  [
    BOTH,
    'invalid_argument',
    { stream: true, stream_options: 5 },
    /stream_options must be an object/,
  ],
  [BOTH, 'unsupported', { n: 2 }, /'n' asks for \(2\); it supports only 1/],
  [CHAT, 'invalid_argument', { max_tokens: 1, max_completion_tokens: 1 }, /max_completion_tokens/],
  [CHAT, 'invalid_argument', { logprobs: 5 }, /'logprobs' must be true or false/],
  [CHAT, 'invalid_argument', { top_logprobs: 5 }, /'top_logprobs' .* logprobs: true/],
  [CHAT, 'invalid_argument', { logprobs: true, top_logprobs: 21 }, /'top_logprobs' .* 0 to 20/],
  [CHAT, 'invalid_argument', { chat_template: 1 }, /'chat_template' must be a string/],
  [CHAT, 'unsupported', { response_format: { type: 'json_schema' } }, /'response_format'/],
  [CHAT, 'unsupported', { modalities: ['text', 'audio'] }, /'modalities'/],
  [CHAT, 'unsupported', { tools: [{ type: 'function' }] }, /'tools' asks for \(an array\)/],
  [CHAT, 'unsupported', { functions: [{ name: 'f' }] }, /'functions'/],
  [CHAT, 'unsupported', { tool_choice: 'required' }, /'tool_choice' asks for \('required'\)/],
  [CHAT, 'unsupported', { function_call: { name: 'f' } }, /'function_call'/],
  [CHAT, 'unsupported', { reasoning_effort: 'high' }, /'reasoning_effort'/],
  [CHAT, 'unsupported', { verbosity: 'low' }, /'verbosity'/],
  [CHAT, 'unsupported', { audio: { voice: 'ash' } }, /'audio'/],
  [CHAT, 'unsupported', { moderation: { model: 'm' } }, /'moderation'/],
  [CHAT, 'unsupported', { web_search_options: {} }, /'web_search_options'/],
  [COMPLETIONS, 'invalid_argument', { logprobs: true }, /'logprobs' .* 0 to 20, not true/],
  [COMPLETIONS, 'invalid_argument', { messages: MESSAGES }, /no field of the request 'messages'/],
  [COMPLETIONS, 'unsupported', { best_of: 3 }, /'best_of'/],
  [COMPLETIONS, 'unsupported', { echo: true }, /'echo'/],
  [COMPLETIONS, 'unsupported', { suffix: 'end' }, /'suffix'/],
];
for (const [apis, code, fields, message] of refusals) {
  for (const api of apis) {
    test(`${api} refuses ${JSON.stringify(fields)}`, async () => {
      const { model, worker } = await loadScripted();
      await rejectsWith(APIS[api](model, fields), code, message);
      assert.equal(worker.generations.length, 0);
    });
  }
}

const messages: { name: string; given: unknown[]; expected: [role: string, content: string][] }[] =
  [
    {
      name: 'roles',
      given: [
        { role: 'developer', content: 'Be kind.' },
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
        { role: 'system', content: '' },
      ],
      expected: [
        ['system', 'Be kind.'],
        ['user', 'Hi'],
        ['assistant', 'Hello'],
        ['system', ''],
      ],
    },
    {
      name: 'parts',
      given: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two', prompt_cache_breakpoint: { mode: 'explicit' } },
          ],
        },
        { role: 'user', content: [] },
      ],
      expected: [
        ['user', 'one\ntwo'],
        ['user', ''],
      ],
    },
    {
      name: 'an answer as it came',
      given: [
        { role: 'assistant', content: 'Hello', refusal: null, annotations: [], tool_calls: [] },
      ],
      expected: [['assistant', 'Hello']],
    },
  ];
for (const { name, given, expected } of messages) {
  test(`messages: ${name}`, async () => {
    const { model, worker } = await loadScripted();
    await APIS.chat(model, { messages: given, chat_template: 'mine' });
    assert.deepEqual(worker.generations[0]!.prompt, {
      kind: 'chat',
      messages: expected.map(([role, content]) => ({ role, content })),
      template: 'mine',
    });
  });
}

const badMessages: [code: string, given: unknown, message: RegExp][] = [
  ['invalid_argument', undefined, /'messages' must be an array of messages, not undefined/],
  ['invalid_argument', [], /at least one message/],
  ['invalid_argument', [null], /messages\[0\] must be an object, not null/],
  ['invalid_argument', [{ content: 'a' }], /messages\[0\] must have a role/],
  ['invalid_argument', [{ role: 'user' }], /'messages\[0\].content' must be a string/],
  ['invalid_argument', [{ role: 'user', contents: 'a' }], /'contents' \(did you mean 'content'/],
  [
    'invalid_argument',
    [{ role: 'user', content: [{ type: 'text' }] }],
    /'messages\[0\].content\[0\].text' must be a string/,
  ],
  [
    'unsupported',
    [...MESSAGES, { role: 'user', content: [{ type: 'image_url', image_url: { url: '' } }] }],
    /'messages\[1\].content\[0\]' is of type 'image_url'/,
  ],
  ['unsupported', [{ role: 'user', content: [null] }], /'messages\[0\].content\[0\]'/],
  [
    'unsupported',
    [{ role: 'tool', content: 'a', tool_call_id: '1' }],
    /'messages\[0\].role' asks for \('tool'\); it supports only system, developer, user, assistant/,
  ],
  ['unsupported', [{ role: 'user', content: 'a', name: 'Bob' }], /'messages\[0\].name'/],
  [
    'unsupported',
    [{ role: 'assistant', content: null, tool_calls: [{ id: '1' }] }],
    /'messages\[0\].tool_calls'/,
  ],
  ['unsupported', [{ role: 'assistant', refusal: 'No.' }], /'messages\[0\].refusal'/],
];
for (const [code, given, message] of badMessages) {
  test(`refused messages: ${JSON.stringify(given)}`, async () => {
    const { model, worker } = await loadScripted();
    await rejectsWith(APIS.chat(model, { messages: given }), code, message);
    assert.equal(worker.generations.length, 0);
  });
}

const prompts: [given: unknown, expected: object][] = [
  ['a', { kind: 'text', text: 'a' }],
  [['a'], { kind: 'text', text: 'a' }],
  [[1, 2], { kind: 'tokens', tokens: [1, 2] }],
  [[[1, 2]], { kind: 'tokens', tokens: [1, 2] }],
  [null, { kind: 'text', text: '' }],
];
for (const [given, expected] of prompts) {
  test(`prompt ${JSON.stringify(given)}`, async () => {
    const { model, worker } = await loadScripted();
    await APIS.completions(model, { prompt: given });
    assert.deepEqual(worker.generations[0]!.prompt, expected);
  });
}

const badPrompts: [code: string, given: unknown, message: RegExp][] = [
  ['unsupported', ['a', 'b'], /'prompt' has 2 prompts/],
  ['unsupported', [[1], [2]], /'prompt' has 2 prompts/],
  ['invalid_argument', 5, /'prompt' must be a text or an array of token ids, not 5/],
  ['invalid_argument', [1, 'a'], /Number 2 of the tokens/],
];
for (const [code, given, message] of badPrompts) {
  test(`refused prompt ${JSON.stringify(given)}`, async () => {
    const { model } = await loadScripted();
    await rejectsWith(APIS.completions(model, { prompt: given }), code, message);
  });
}

test('a request that is no object is refused', async () => {
  const { model } = await loadScripted();
  for (const body of [undefined, null, 'Hi']) {
    await rejectsWith(
      model.openai.chat.completions.create(body as never),
      'invalid_argument',
      /request must be an object/,
    );
  }
});
