// Not run but type-checked (npm run check): code that is typed by the openai package takes model.openai as it is.
import type { OpenAI as Theirs } from 'openai';
import type { Stream as TheirStream } from 'openai/streaming';

import type { LanguageModel, OpenAI } from 'pipit';

type Options = Theirs.RequestOptions;

/** What code needs of a client of the openai package to complete texts. */
interface Client {
  chat: {
    completions: {
      create(
        body: Theirs.ChatCompletionCreateParamsNonStreaming,
        options?: Options,
      ): Promise<Theirs.ChatCompletion>;
      create(
        body: Theirs.ChatCompletionCreateParamsStreaming,
        options?: Options,
      ): Promise<Stream<Theirs.ChatCompletionChunk>>;
      create(
        body: Theirs.ChatCompletionCreateParams,
        options?: Options,
      ): Promise<Theirs.ChatCompletion | Stream<Theirs.ChatCompletionChunk>>;
    };
  };
  completions: {
    create(
      body: Theirs.CompletionCreateParamsNonStreaming,
      options?: Options,
    ): Promise<Theirs.Completion>;
    create(
      body: Theirs.CompletionCreateParamsStreaming,
      options?: Options,
    ): Promise<Stream<Theirs.Completion>>;
    create(
      body: Theirs.CompletionCreateParams,
      options?: Options,
    ): Promise<Theirs.Completion | Stream<Theirs.Completion>>;
  };
}

/** Of the package's Stream what ours has too; as a class with private fields it is no type for others. */
type Stream<Item> = Pick<
  TheirStream<Item>,
  'controller' | 'toReadableStream' | typeof Symbol.asyncIterator
>;

export const client = (model: LanguageModel): Client => model.openai;

/** The package itself has what is asked of it above: otherwise the line before would prove nothing. */
export const theirs = (openai: Theirs): Client => openai;

export const requests = (
  chat: Theirs.ChatCompletionCreateParams,
  messages: Theirs.ChatCompletionMessageParam[],
  completion: Theirs.CompletionCreateParams,
): [
  OpenAI.ChatCompletionCreateParams,
  OpenAI.ChatCompletionMessageParam[],
  OpenAI.CompletionCreateParams,
] => [chat, messages, completion];

export const answers = (
  chat: OpenAI.ChatCompletion,
  chunk: OpenAI.ChatCompletionChunk,
  completion: OpenAI.Completion,
  usage: OpenAI.CompletionUsage,
  embeddings: OpenAI.CreateEmbeddingResponse,
): [
  Theirs.ChatCompletion,
  Theirs.ChatCompletionChunk,
  Theirs.Completion,
  Theirs.CompletionUsage,
  Theirs.CreateEmbeddingResponse,
] => [chat, chunk, completion, usage, embeddings];

/** An answer's message goes into the next request. */
export const next = (
  messages: OpenAI.ChatCompletionMessageParam[],
  { choices }: OpenAI.ChatCompletion,
): OpenAI.ChatCompletionCreateParams => ({
  messages: [...messages, ...choices.map(({ message }) => message)],
});

/** What would be refused is no field of pipit's own types. */
export const refused: OpenAI.ChatCompletionCreateParams = {
  messages: [],
  // @ts-expect-error there are no tools
  tools: [],
};
