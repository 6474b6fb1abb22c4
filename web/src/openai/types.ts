// The shapes of OpenAI's API, as far as a local model has something to say: its names of types and of fields.
// What a request may hold beyond this is refused or ignored by the tables in request.ts and messages.ts.

/** Sampling and the like, the same in both APIs. What is left out, or null, is pipit's default, not OpenAI's. */
interface CreateParams {
  /** Any name: the model that answers is the one that was loaded. */
  model?: string | null;
  /** 0: greedy. Default 0.2: small models wander at OpenAI's 1. */
  temperature?: number | null;
  /** Default 0.9. */
  top_p?: number | null;
  /** Default: until the model stops or the context is full, also in completions. */
  max_tokens?: number | null;
  /** Up to four. */
  stop?: string | readonly string[] | null;
  seed?: number | null;
  n?: number | null;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  /** By token id of the model that was loaded: from -100, which forbids the token, to 100. */
  logit_bias?: Readonly<Record<string, number>> | null;
  stream?: boolean | null;
  stream_options?: ChatCompletionStreamOptions | null;
  user?: string;

  // pipit's own, as in GenerateOptions.
  top_k?: number;
  min_p?: number;
  repeat_penalty?: number;
  penalty_last_n?: number;
  ignore_eos?: boolean;
}

export interface ChatCompletionStreamOptions {
  /** One more chunk at the end, without choices, says the usage. */
  include_usage?: boolean;
  include_obfuscation?: boolean;
}

export interface RequestOptions {
  signal?: AbortSignal | null;

  // About HTTP, so without effect here.
  headers?: unknown;
  timeout?: number;
  maxRetries?: number;
}

/** What every answer says about itself; the same in all chunks of one. */
export interface Envelope {
  /** "chatcmpl-…" or "cmpl-…" */
  id: string;
  /** Seconds since 1970. */
  created: number;
  /** The name in the model's file. */
  model: string;
  /** Where this is the same, the same request with the same seed gives the same text. */
  system_fingerprint: string;
}

export interface CompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  /** cached_tokens: those of the prompt that lay in the KV cache already. */
  prompt_tokens_details: { cached_tokens: number };
}

/** "length" also where the context is full. */
export type FinishReason = 'stop' | 'length';

// Chat completions

export interface ChatCompletionContentPart {
  /** "text"; other kinds of parts are refused. */
  type: string;
  text?: string;
}

export interface ChatCompletionMessageParam {
  /** Of a developer's message the model's template is told that it is the system's; tools and functions are refused. */
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool' | 'function';
  /** Parts are joined by line breaks. */
  content?: string | readonly ChatCompletionContentPart[] | null;
}

export interface ChatCompletionCreateParamsBase extends CreateParams {
  messages: readonly ChatCompletionMessageParam[];
  /** The newer name of max_tokens. */
  max_completion_tokens?: number | null;
  logprobs?: boolean | null;
  /** How many of the likeliest tokens are listed at each position, 0 to 20; needs logprobs. */
  top_logprobs?: number | null;
  /** { type: "text" } */
  response_format?: { type: string };
  /** pipit's own: a Jinja template in place of the model's. */
  chat_template?: string;

  // Without effect here.
  metadata?: Readonly<Record<string, string>> | null;
  store?: boolean | null;
  service_tier?: string | null;
  safety_identifier?: string | null;
  prompt_cache_key?: string | null;
}

export interface ChatCompletionCreateParamsNonStreaming extends ChatCompletionCreateParamsBase {
  stream?: false | null;
}

export interface ChatCompletionCreateParamsStreaming extends ChatCompletionCreateParamsBase {
  stream: true;
}

export type ChatCompletionCreateParams =
  ChatCompletionCreateParamsNonStreaming | ChatCompletionCreateParamsStreaming;

export interface ChatCompletionMessage {
  role: 'assistant';
  content: string;
  refusal: null;
}

export interface TopLogprob {
  token: string;
  bytes: number[];
  logprob: number;
}

export interface ChatCompletionTokenLogprob extends TopLogprob {
  top_logprobs: TopLogprob[];
}

export interface ChoiceLogprobs {
  content: ChatCompletionTokenLogprob[];
  refusal: null;
}

export interface ChatCompletion extends Envelope {
  object: 'chat.completion';
  choices: {
    index: number;
    message: ChatCompletionMessage;
    logprobs: ChoiceLogprobs | null;
    finish_reason: FinishReason;
  }[];
  usage: CompletionUsage;
}

export interface ChatCompletionChunk extends Envelope {
  object: 'chat.completion.chunk';
  /** Empty in the chunk that says the usage. */
  choices: {
    index: number;
    delta: Partial<ChatCompletionMessage>;
    logprobs: ChoiceLogprobs | null;
    /** null but in the last. */
    finish_reason: FinishReason | null;
  }[];
  /** null but in the last, and only where stream_options.include_usage asked for it. */
  usage?: CompletionUsage | null;
}

// Completions

export interface CompletionCreateParamsBase extends CreateParams {
  /** A text, in which control tokens are not recognised, or token ids; alone, or in an array as its only element. */
  prompt: string | readonly string[] | readonly number[] | readonly (readonly number[])[] | null;
  /** How many of the likeliest tokens are listed at each position, 0 to 20. */
  logprobs?: number | null;
  best_of?: number | null;
  echo?: boolean | null;
  suffix?: string | null;
}

export interface CompletionCreateParamsNonStreaming extends CompletionCreateParamsBase {
  stream?: false | null;
}

export interface CompletionCreateParamsStreaming extends CompletionCreateParamsBase {
  stream: true;
}

export type CompletionCreateParams =
  CompletionCreateParamsNonStreaming | CompletionCreateParamsStreaming;

export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: number[];
  /** By their texts; the chosen token stands there too. Not there for logprobs: 0. */
  top_logprobs?: Record<string, number>[];
  /** Where each token begins: in a prompt that is a text and what follows it, otherwise in what was generated. */
  text_offset: number[];
}

export interface CompletionChoice {
  index: number;
  text: string;
  logprobs: CompletionLogprobs | null;
  /** In a stream null but in the last chunk, which the openai package's type does not say: this one is to fit it. */
  finish_reason: FinishReason;
}

/** An answer, or a chunk of one. */
export interface Completion extends Envelope {
  object: 'text_completion';
  choices: CompletionChoice[];
  /** In a stream null but in the last chunk, and only where stream_options.include_usage asked for it. */
  usage?: CompletionUsage;
}

// Embeddings

export interface EmbeddingCreateParams {
  /** A text or several; token ids are refused. */
  input: string | readonly string[];
  /** Any name: the model that answers is the one that was loaded. */
  model?: string;
  encoding_format?: 'float';
  user?: string;
}

export interface CreateEmbeddingResponse {
  object: 'list';
  /** In the order of the texts. */
  data: { object: 'embedding'; index: number; embedding: number[] }[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
}
