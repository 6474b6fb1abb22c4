// Translation by a model that was not made for it: sentence by sentence, each with a few examples before it.
import type { LanguageModel, Session } from 'pipit';
import { type Language, LANGUAGE_CODES, examples } from './languages.ts';

export interface Direction {
  from: Language;
  to: Language;
}

/** Greedy: the likeliest translation, and the same for the same sentence. */
const OPTIONS = { temperature: 0, maxTokens: 120, repeatPenalty: 1.1 };

/** Room for the examples and a long sentence. */
const N_CTX = 2048;

/** Sentences that were translated; who types changes one at a time, and the others need not be done again. */
const MOST_KNOWN = 500;

export class Translator {
  readonly #model: LanguageModel;
  readonly #known = new Map<string, string>();
  /** Beside the conversations, so that neither disturbs the other; the examples are computed once in it. */
  #session: Session | undefined;

  constructor(model: LanguageModel) {
    this.#model = model;
  }

  /** Gives out the translation of `text` in pieces. */
  async *translate(
    text: string,
    direction: Direction,
    signal: AbortSignal,
  ): AsyncGenerator<string, void, undefined> {
    for (const { sentence, after } of sentencesOf(text, direction.from)) {
      const key = JSON.stringify([direction, sentence]);
      const known = this.#known.get(key);
      if (known !== undefined) {
        yield known + after;
        continue;
      }
      this.#session ??= await this.#model.createSession({ nCtx: N_CTX });
      let translation = '';
      for await (const { text } of this.#session.chat(messages(sentence, direction), {
        ...OPTIONS,
        signal,
      })) {
        translation += text;
        yield text;
      }
      yield after;
      this.#keep(key, translation);
    }
  }

  #keep(key: string, translation: string): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(key, translation);
  }
}

/** The sentences of a text, each with the white space after it. */
export function sentencesOf(
  text: string,
  language: Language,
): { sentence: string; after: string }[] {
  const segmenter = new Intl.Segmenter(LANGUAGE_CODES[language], { granularity: 'sentence' });
  const sentences: { sentence: string; after: string }[] = [];
  for (const { segment } of segmenter.segment(text.trim())) {
    const sentence = segment.trim();
    const last = sentences.at(-1);
    if (sentence !== '') {
      const after = segment.slice(segment.indexOf(sentence) + sentence.length);
      sentences.push({ sentence, after });
    } else if (last) {
      last.after += segment; // an empty line is a segment of its own
    }
  }
  return sentences;
}

function messages(sentence: string, { from, to }: Direction): { role: string; content: string }[] {
  return [
    {
      role: 'system',
      content: `You are a translator. Translate from ${from} to ${to}. Answer with the translation only.`,
    },
    ...examples(from, to).flatMap(([given, translated]) => [
      { role: 'user', content: given },
      { role: 'assistant', content: translated },
    ]),
    { role: 'user', content: sentence },
  ];
}
