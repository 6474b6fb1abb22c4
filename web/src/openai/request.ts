// Requests of OpenAI's API to pipit's options. What would change the answer and is not supported is refused by its name.
import { checkBoolean, checkString, describe, invalid } from '../check.ts';
import { PipitError } from '../errors.ts';
import { toSnake } from '../names.ts';
import { GENERATE_OPTIONS } from '../options.ts';
import type { ChatMessage } from '../protocol.ts';
import type { ChatOptions } from '../session.ts';
import { type Rule, absent, apart, ignored, only, option, readFields } from './fields.ts';
import { readMessages } from './messages.ts';

const MAX_STOPS = 4;
const MAX_BIAS = 100;
const MAX_TOP_LOGPROBS = 20;

/** The fields of both APIs; pipit's own options stand among them under their snake_case names. */
const COMMON: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(GENERATE_OPTIONS.map((spec) => [toSnake(spec.name), option(spec)])),
  stop: readStop,
  logit_bias: readLogitBias,
  logprobs: apart,
  stream: apart,
  stream_options: apart,
  n: only('1', isOne),
  model: ignored,
  user: ignored,
};

const CHAT: Readonly<Record<string, Rule>> = {
  messages: apart,
  ...COMMON,
  top_logprobs: apart,
  max_completion_tokens: COMMON.max_tokens!,
  chat_template: (value, field) => ({ chatTemplate: checkString(value, `The field '${field}'`) }),
  response_format: only(
    "{ type: 'text' }",
    (value) => (value as { type?: unknown }).type === 'text',
  ),
  modalities: only("['text']", (value) => JSON.stringify(value) === '["text"]'),
  tools: absent,
  functions: absent,
  tool_choice: only("'none' and 'auto'", isNoChoice),
  function_call: only("'none' and 'auto'", isNoChoice),
  reasoning_effort: only("'none'", (value) => value === 'none'),
  verbosity: only("'medium'", (value) => value === 'medium'),
  audio: absent,
  moderation: absent,
  web_search_options: absent,
  metadata: ignored,
  parallel_tool_calls: ignored,
  prediction: ignored,
  prompt_cache_key: ignored,
  prompt_cache_options: ignored,
  prompt_cache_retention: ignored,
  safety_identifier: ignored,
  service_tier: ignored,
  store: ignored,
};

const COMPLETION: Readonly<Record<string, Rule>> = {
  prompt: apart,
  ...COMMON,
  best_of: only('1', isOne),
  echo: only('false', (value) => value === false),
  suffix: only("''", (value) => value === ''),
};

/** What either kind of request asks for. */
export interface Wishes {
  options: ChatOptions;
  stream: boolean;
  includeUsage: boolean;
}

type Body = Readonly<Record<string, unknown>>;

export function readChatRequest(body: object): Wishes & { messages: ChatMessage[] } {
  const options = readFields(body, CHAT);
  const { messages, logprobs, top_logprobs, max_tokens, max_completion_tokens } = body as Body;
  if ((max_tokens ?? null) !== null && (max_completion_tokens ?? null) !== null) {
    throw invalid("The fields 'max_tokens' and 'max_completion_tokens' mean the same; give one.");
  }
  return {
    messages: readMessages(messages),
    options: { ...options, ...readChatLogprobs(logprobs ?? false, top_logprobs ?? null) },
    ...readStreaming(body as Body),
  };
}

export function readCompletionRequest(body: object): Wishes & { prompt: string | number[] } {
  const options = readFields(body, COMPLETION);
  const { prompt, logprobs } = body as Body;
  return {
    prompt: readPrompt(prompt ?? ''),
    options: { ...options, ...readTopLogprobs(logprobs ?? null, 'logprobs') },
    ...readStreaming(body as Body),
  };
}

function readStreaming(body: Body): Omit<Wishes, 'options'> {
  const stream = body.stream ?? false;
  checkBoolean(stream, "The field 'stream'");
  if (!stream && (body.stream_options ?? null) !== null) {
    throw invalid("The field 'stream_options' is only for requests with stream: true.");
  }
  const streamOptions = body.stream_options ?? {};
  readFields(
    streamOptions,
    { include_usage: apart, include_obfuscation: ignored },
    'stream_options',
  );
  const includeUsage = (streamOptions as { include_usage?: unknown }).include_usage ?? false;
  checkBoolean(includeUsage, "The field 'stream_options.include_usage'");
  return { stream: stream === true, includeUsage: includeUsage === true };
}

function readChatLogprobs(logprobs: unknown, topLogprobs: unknown): ChatOptions {
  checkBoolean(logprobs, "The field 'logprobs'");
  if (logprobs) return readTopLogprobs(topLogprobs ?? 0, 'top_logprobs');
  if (topLogprobs === null) return {};
  throw invalid("The field 'top_logprobs' is only for requests with logprobs: true.");
}

function readTopLogprobs(count: unknown, field: string): ChatOptions {
  if (count === null) return {};
  if (!Number.isInteger(count) || (count as number) < 0 || (count as number) > MAX_TOP_LOGPROBS) {
    throw invalid(
      `The field '${field}' must be a whole number from 0 to ${MAX_TOP_LOGPROBS}, not ${describe(count)}.`,
    );
  }
  return { logprobs: count as number };
}

function readStop(value: unknown, field: string): ChatOptions {
  if (Array.isArray(value) && value.length > MAX_STOPS) {
    throw invalid(
      `The field '${field}' has ${value.length} texts; at most ${MAX_STOPS} may be given.`,
    );
  }
  return option({ name: 'stop', kind: 'strings', help: '' })(value, field);
}

function readLogitBias(value: unknown, field: string): ChatOptions {
  if (typeof value !== 'object') {
    throw invalid(`The field '${field}' must be an object by token id, not ${describe(value)}.`);
  }
  const logitBias = Object.entries(value as object).map(([key, bias]: [string, unknown]) => {
    if (!/^\d+$/.test(key)) {
      throw invalid(`The field '${field}' has the key ${describe(key)}; it must be a token id.`);
    }
    if (typeof bias !== 'number' || !(Math.abs(bias) <= MAX_BIAS)) {
      throw invalid(
        `The field '${field}' must hold numbers from -${MAX_BIAS} to ${MAX_BIAS}, not ${describe(bias)}.`,
      );
    }
    return [Number(key), bias === -MAX_BIAS ? -Infinity : bias] as [number, number];
  });
  return { logitBias };
}

/** The API answers several prompts with as many choices; here there is one. */
function readPrompt(prompt: unknown): string | number[] {
  const nested = Array.isArray(prompt) && prompt.length > 0 && typeof prompt[0] !== 'number';
  if (nested && prompt.length > 1) {
    throw new PipitError(
      'unsupported',
      `The field 'prompt' has ${prompt.length} prompts; pipit supports one a request.`,
    );
  }
  const one: unknown = nested ? prompt[0] : prompt;
  if (typeof one === 'string' || Array.isArray(one)) return one;
  throw invalid(
    `The field 'prompt' must be a text or an array of token ids, not ${describe(one)}.`,
  );
}

function isOne(value: unknown): boolean {
  return value === 1;
}

/** Where there are no tools, both of these mean the same. */
function isNoChoice(value: unknown): boolean {
  return value === 'none' || value === 'auto';
}
