// model.openai: the part of OpenAI's API that a local model can answer, under the names of the openai package.
import type { LanguageModel } from '../client.ts';
import { ChatCompletions } from './chat.ts';
import { Completions } from './completions.ts';
import { Embeddings } from './embeddings.ts';

export type { Stream } from './stream.ts';
export type * from './types.ts';

export class OpenAIShape {
  readonly chat: { readonly completions: ChatCompletions };
  readonly completions: Completions;
  readonly embeddings: Embeddings;

  constructor(model: Pick<LanguageModel, 'info' | 'chat' | 'generate' | 'embed'>) {
    this.chat = { completions: new ChatCompletions(model) };
    this.completions = new Completions(model);
    this.embeddings = new Embeddings(model);
  }
}
