// model.openai.embeddings: texts to vectors.
import { checkString, describe, invalid } from '../check.ts';
import type { LanguageModel } from '../client.ts';
import { type Rule, apart, ignored, only, readFields } from './fields.ts';
import type { CreateEmbeddingResponse, EmbeddingCreateParams, RequestOptions } from './types.ts';

const FIELDS: Readonly<Record<string, Rule>> = {
  input: apart,
  // Vectors are handed over as they are, so there is nothing to encode.
  encoding_format: only("'float'", (value) => value === 'float'),
  dimensions: only('all dimensions of the model', () => false),
  model: ignored,
  user: ignored,
};

export class Embeddings {
  readonly #model: Pick<LanguageModel, 'info' | 'embed'>;

  constructor(model: Pick<LanguageModel, 'info' | 'embed'>) {
    this.#model = model;
  }

  /** Rejects with invalid_argument or unsupported, naming the field, for a request that cannot be answered as it is. */
  async create(
    body: EmbeddingCreateParams,
    { signal }: RequestOptions = {},
  ): Promise<CreateEmbeddingResponse> {
    readFields(body, FIELDS);
    const embeddings = await this.#model.embed(readInput(body.input), {
      signal: signal ?? undefined,
    });
    const nTokens = embeddings.reduce((sum, { tokens }) => sum + tokens, 0);
    return {
      object: 'list',
      data: embeddings.map(({ vector }, index) => ({
        object: 'embedding',
        index,
        embedding: Array.from(vector),
      })),
      model: this.#model.info.name ?? this.#model.info.architecture,
      usage: { prompt_tokens: nTokens, total_tokens: nTokens },
    };
  }
}

function readInput(input: unknown): string[] {
  if (typeof input === 'string') return [input];
  if (Array.isArray(input) && input.length > 0)
    return input.map((text: unknown, i) => checkString(text, `input[${i}]`));
  throw invalid(`The field 'input' must be a text or an array of texts, not ${describe(input)}.`);
}
