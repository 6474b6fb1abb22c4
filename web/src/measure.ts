// One measurement of a loaded model, the same in the command line, in the benchmarks and in a browser's tab.
import type { LanguageModel } from './client.ts';
import { PipitError } from './errors.ts';

export interface Speed {
  prefillTokensPerSecond: number;
  /** Of the tokens after the first. */
  decodeTokensPerSecond: number;
  /** The KV cache, with prompt and answer. */
  kvBytes: number;
}

/** Computes the prompt and generates exactly `genTokens` tokens, greedily. Throws context_full if there is no room. */
export async function measureSpeed(
  model: LanguageModel,
  prompt: readonly number[],
  genTokens: number,
  signal?: AbortSignal,
): Promise<Speed> {
  // A session of its own has computed nothing of the prompt yet.
  await using session = await model.createSession();
  const options = { maxTokens: genTokens, ignoreEos: true, temperature: 0, signal };
  const result = await session.generate(prompt, options).result;
  if (result.stopReason !== 'length') {
    throw new PipitError(
      'context_full',
      'The context has no room for so many tokens; ask for fewer.',
    );
  }
  const { prefillTokensPerSecond, decodeTokensPerSecond } = result;
  const { kvBytes } = await model.stats();
  return { prefillTokensPerSecond, decodeTokensPerSecond, kvBytes };
}

/** Milliseconds from a text to its ids, by the model's own call. */
export async function measureTokenize(
  model: LanguageModel,
  text: string,
): Promise<{ ms: number; tokens: number }> {
  const start = performance.now();
  const tokens = await model.tokenize(text);
  return { ms: performance.now() - start, tokens: tokens.length };
}

/** The same tokens every time: Knuth's 64-bit linear congruential generator, its upper 32 bits. */
export function randomTokens(n: number, nVocab: number): number[] {
  let state = 1n;
  return Array.from({ length: n }, () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 32n) % BigInt(nVocab));
  });
}
