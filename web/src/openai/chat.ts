// model.openai.chat.completions: messages to an answer, whole or in chunks.
import type { LanguageModel } from '../client.ts';
import type { TokenLogprob } from '../protocol.ts';
import type { GenerationStream } from '../stream.ts';
import { type Telling, answer, finishReason, newEnvelope, usageOf } from './answer.ts';
import { type Token, deltas, gather } from './deltas.ts';
import { readChatRequest } from './request.ts';
import type { Stream } from './stream.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionCreateParamsBase,
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionCreateParamsStreaming,
  ChoiceLogprobs,
  Envelope,
  RequestOptions,
  TopLogprob,
} from './types.ts';

export class ChatCompletions {
  readonly #model: Pick<LanguageModel, 'info' | 'chat'>;

  constructor(model: Pick<LanguageModel, 'info' | 'chat'>) {
    this.#model = model;
  }

  /** Rejects with invalid_argument or unsupported, naming the field, for a request that cannot be answered as it is. */
  create(
    body: ChatCompletionCreateParamsNonStreaming,
    options?: RequestOptions,
  ): Promise<ChatCompletion>;
  create(
    body: ChatCompletionCreateParamsStreaming,
    options?: RequestOptions,
  ): Promise<Stream<ChatCompletionChunk>>;
  create(
    body: ChatCompletionCreateParamsBase,
    options?: RequestOptions,
  ): Promise<ChatCompletion | Stream<ChatCompletionChunk>>;
  async create(
    body: ChatCompletionCreateParamsBase,
    options: RequestOptions = {},
  ): Promise<ChatCompletion | Stream<ChatCompletionChunk>> {
    const { messages, stream, includeUsage, options: asked } = readChatRequest(body);
    const envelope = newEnvelope('chatcmpl', this.#model.info);
    const telling = new ChatTelling(envelope, includeUsage, asked.logprobs !== undefined);
    return await answer(
      (call) => this.#model.chat(messages, { ...asked, ...call }),
      stream,
      options,
      telling,
    );
  }
}

type ChunkChoice = ChatCompletionChunk['choices'][number];

class ChatTelling implements Telling<ChatCompletion, ChatCompletionChunk> {
  readonly #envelope: Envelope;
  readonly #includeUsage: boolean;
  readonly #hasLogprobs: boolean;

  constructor(envelope: Envelope, includeUsage: boolean, hasLogprobs: boolean) {
    this.#envelope = envelope;
    this.#includeUsage = includeUsage;
    this.#hasLogprobs = hasLogprobs;
  }

  async whole(generation: GenerationStream): Promise<ChatCompletion> {
    const { tokens, result } = await gather(generation);
    return {
      ...this.#envelope,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: result.text, refusal: null },
          logprobs: this.#logprobs(tokens),
          finish_reason: finishReason(result),
        },
      ],
      usage: usageOf(result),
    };
  }

  async *chunks(
    generation: GenerationStream,
  ): AsyncGenerator<ChatCompletionChunk, void, undefined> {
    yield this.#chunk({ role: 'assistant', content: '', refusal: null });
    for await (const { text, tokens } of deltas(generation)) {
      yield this.#chunk({ content: text }, { logprobs: this.#logprobs(tokens) });
    }
    const result = await generation.result;
    yield this.#chunk({}, { finish_reason: finishReason(result) });
    if (this.#includeUsage) yield { ...this.#chunk({}), choices: [], usage: usageOf(result) };
  }

  #chunk(delta: ChunkChoice['delta'], more: Partial<ChunkChoice> = {}): ChatCompletionChunk {
    return {
      ...this.#envelope,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...more }],
      ...(this.#includeUsage ? { usage: null } : {}),
    };
  }

  #logprobs(tokens: readonly Token[]): ChoiceLogprobs | null {
    if (!this.#hasLogprobs) return null;
    const content = tokens.map((token) => ({
      ...entryOf(token),
      top_logprobs: token.top.map(entryOf),
    }));
    return { content, refusal: null };
  }
}

function entryOf({ text, bytes, logprob }: TokenLogprob): TopLogprob {
  return { token: text, bytes, logprob };
}
