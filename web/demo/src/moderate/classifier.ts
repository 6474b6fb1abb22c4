// How well each of some labels fits a text, by how likely the model thinks them.
import type { LanguageModel, Session } from 'pipit';

/**
 * Texts that say nothing. A model holds some labels for likelier than others whatever the text, so what it thinks of these
 * is taken off ("Calibrate Before Use", Zhao et al. 2021).
 */
const EMPTY_TEXTS = ['', 'N/A', 'text'];

/** Room for what somebody writes in a comment or a letter. */
const N_CTX = 4096;

export class Classifier {
  readonly #model: LanguageModel;
  /** Beside the conversations, so that neither disturbs the other. */
  #session: Session | undefined;
  /** The mean log-probabilities of `labels` after texts that say nothing. */
  #prior: { labels: string; logprobs: number[] } | undefined;

  constructor(model: LanguageModel) {
    this.#model = model;
  }

  /** The probabilities of `labels`; they sum up to 1. */
  async classify(text: string, labels: readonly string[], signal: AbortSignal): Promise<number[]> {
    const prior = await this.#priorOf(labels, signal);
    const logprobs = await this.#logprobs(text, labels, signal);
    return softmax(logprobs.map((logprob, i) => logprob - prior[i]!));
  }

  async #priorOf(labels: readonly string[], signal: AbortSignal): Promise<number[]> {
    const key = JSON.stringify(labels);
    if (this.#prior?.labels !== key) {
      const sums = labels.map(() => 0);
      for (const text of EMPTY_TEXTS) {
        const logprobs = await this.#logprobs(text, labels, signal);
        logprobs.forEach((logprob, i) => (sums[i]! += logprob));
      }
      this.#prior = { labels: key, logprobs: sums.map((sum) => sum / EMPTY_TEXTS.length) };
    }
    return this.#prior.logprobs;
  }

  async #logprobs(text: string, labels: readonly string[], signal: AbortSignal): Promise<number[]> {
    this.#session ??= await this.#model.createSession({ nCtx: N_CTX });
    const candidates = labels.map((label) => ` ${label}`);
    const scores = await this.#session.score(promptOf(text, labels), candidates, { signal });
    return scores.map(({ logprob }) => logprob);
  }
}

/** A form that is being filled in, which a model without instructions understands too. */
function promptOf(text: string, labels: readonly string[]): string {
  const quoted = text.trim().replaceAll('"', "'").replaceAll(/\s+/g, ' ');
  return `Content moderation\nLabels: ${labels.join(', ')}\n\nText: "${quoted}"\nLabel:`;
}

function softmax(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
