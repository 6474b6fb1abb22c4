// model.openai.completions: a prompt to its continuation, whole or in chunks.
import type { LanguageModel } from '../client.ts';
import type { GenerationStream } from '../stream.ts';
import { type Telling, answer, finishReason, newEnvelope, usageOf } from './answer.ts';
import { type Token, deltas, gather } from './deltas.ts';
import { readCompletionRequest } from './request.ts';
import type { Stream } from './stream.ts';
import type {
  Completion,
  CompletionChoice,
  CompletionCreateParamsBase,
  CompletionCreateParamsNonStreaming,
  CompletionCreateParamsStreaming,
  CompletionLogprobs,
  CompletionUsage,
  Envelope,
  FinishReason,
  RequestOptions,
} from './types.ts';

export class Completions {
  readonly #model: Pick<LanguageModel, 'info' | 'generate'>;

  constructor(model: Pick<LanguageModel, 'info' | 'generate'>) {
    this.#model = model;
  }

  /** Rejects with invalid_argument or unsupported, naming the field, for a request that cannot be answered as it is. */
  create(body: CompletionCreateParamsNonStreaming, options?: RequestOptions): Promise<Completion>;
  create(
    body: CompletionCreateParamsStreaming,
    options?: RequestOptions,
  ): Promise<Stream<Completion>>;
  create(
    body: CompletionCreateParamsBase,
    options?: RequestOptions,
  ): Promise<Completion | Stream<Completion>>;
  async create(
    body: CompletionCreateParamsBase,
    options: RequestOptions = {},
  ): Promise<Completion | Stream<Completion>> {
    const { prompt, stream, includeUsage, options: asked } = readCompletionRequest(body);
    const telling = new CompletionTelling(
      newEnvelope('cmpl', this.#model.info),
      includeUsage,
      asked.logprobs,
      typeof prompt === 'string' ? prompt.length : 0,
    );
    return await answer(
      (call) => this.#model.generate(prompt, { ...asked, ...call }),
      stream,
      options,
      telling,
    );
  }
}

class CompletionTelling implements Telling<Completion, Completion> {
  readonly #envelope: Envelope;
  readonly #includeUsage: boolean;
  readonly #topLogprobs: number | undefined;
  readonly #promptLength: number;

  constructor(
    envelope: Envelope,
    includeUsage: boolean,
    topLogprobs: number | undefined,
    promptLength: number,
  ) {
    this.#envelope = envelope;
    this.#includeUsage = includeUsage;
    this.#topLogprobs = topLogprobs;
    this.#promptLength = promptLength;
  }

  async whole(generation: GenerationStream): Promise<Completion> {
    const { tokens, result } = await gather(generation);
    const choice = this.#choice(result.text, tokens, finishReason(result));
    return {
      ...this.#envelope,
      object: 'text_completion',
      choices: [choice],
      usage: usageOf(result),
    };
  }

  async *chunks(generation: GenerationStream): AsyncGenerator<Completion, void, undefined> {
    for await (const { text, tokens } of deltas(generation)) {
      yield this.#chunk(this.#choice(text, tokens, null));
    }
    const result = await generation.result;
    yield this.#chunk(this.#choice('', [], finishReason(result)));
    if (this.#includeUsage) yield { ...this.#chunk(), usage: usageOf(result) };
  }

  #chunk(...choices: CompletionChoice[]): Completion {
    return {
      ...this.#envelope,
      object: 'text_completion',
      choices,
      ...(this.#includeUsage ? { usage: null as unknown as CompletionUsage } : {}),
    };
  }

  #choice(text: string, tokens: readonly Token[], finish: FinishReason | null): CompletionChoice {
    return {
      index: 0,
      text,
      logprobs: this.#topLogprobs === undefined ? null : this.#logprobs(tokens),
      finish_reason: finish as FinishReason,
    };
  }

  #logprobs(tokens: readonly Token[]): CompletionLogprobs {
    return {
      tokens: tokens.map(({ text }) => text),
      token_logprobs: tokens.map(({ logprob }) => logprob),
      text_offset: tokens.map(({ offset }) => this.#promptLength + offset),
      ...(this.#topLogprobs ? { top_logprobs: tokens.map(topOf) } : {}),
    };
  }
}

/** By text; of tokens with the same text the likeliest counts. */
function topOf(token: Token): Record<string, number> {
  const all = [...token.top, token].sort((a, b) => a.logprob - b.logprob);
  return Object.fromEntries(all.map(({ text, logprob }) => [text, logprob]));
}
