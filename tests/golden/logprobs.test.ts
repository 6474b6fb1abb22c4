// Teacher-forced probabilities against llama.cpp on an F32 copy of the model.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, loadModel, logSoftmax, readGolden } from './support.ts';

interface LogprobCase {
  position: number;
  /** The 20 likeliest tokens and their natural-log probabilities. */
  ids: number[];
  logprobs: number[];
}

interface PerplexityCase {
  weights: string;
  n_ctx: number;
  perplexity: number;
}

// The exact values are known; what remains is activations rounded to 16 bits and the order of f32 sums.

/** Lower bound of KL(p || q), given p of the likeliest tokens: all others count as one. */
function klDivergence(logP: readonly number[], logQ: readonly number[]): number {
  const rest = (logs: readonly number[]): number =>
    Math.max(1 - logs.reduce((sum, x) => sum + Math.exp(x), 0), 1e-9);
  const restP = rest(logP);
  return logP.reduce(
    (sum, p, i) => sum + Math.exp(p) * (p - logQ[i]!),
    restP * Math.log(restP / rest(logQ)),
  );
}

// Beside that, what the KV cache and the activations of the relaxed sets round.
const CASES = [
  { kernels: 'simd128', kvType: 'f32', kl: 1e-6, sameTop: 0.99, perplexityError: 1e-4 },
  { kernels: 'simd128', kvType: 'int8', kl: 5e-4, sameTop: 0.98, perplexityError: 2e-3 },
  { kernels: 'relaxed', kvType: 'f32', kl: 1e-3, sameTop: 0.98, perplexityError: 5e-3 },
  { kernels: 'auto', kvType: 'auto', kl: 1e-3, sameTop: 0.97, perplexityError: 5e-3 },
] as const;

for (const bounds of CASES) testLogprobs(bounds);

function testLogprobs(bounds: (typeof CASES)[number]): void {
  const { kernels, kvType } = bounds;
  test(`teacher-forced probabilities and perplexity agree with llama.cpp: ${kernels}, KV cache ${kvType}`, async (t) => {
    const golden = readGolden<LogprobCase>('logprobs.json');
    const tokens = golden.tokens as number[];
    const expected = new Map(golden.cases.map((one) => [one.position, one]));
    const perplexity = readGolden<PerplexityCase>('perplexity.json').cases.find(
      (one) => one.weights === 'F32 copy' && one.n_ctx === tokens.length,
    )!.perplexity;
    assert.ok(expected.size >= 200 && tokens.length >= 2000);

    await using model = await loadModel(MODEL, { kernels, kvType });
    const { nVocab } = model.info;
    let [nll, kl, sameTop, rows] = [0, 0, 0, 0];
    for await (const { start, n, logits } of model.logits(tokens, { nCtx: tokens.length })) {
      for (let i = 0; i < n; ++i, ++rows) {
        const position = start + i;
        const row = logSoftmax(logits.subarray(i * nVocab, (i + 1) * nVocab));
        const next = tokens[position + 1];
        if (next !== undefined) nll -= row[next]!;
        const one = expected.get(position);
        if (one === undefined) continue;
        const ours = one.ids.map((id) => row[id]!);
        kl += klDivergence(one.logprobs, ours) / expected.size;
        sameTop += row.every((x) => x <= ours[0]!) ? 1 / expected.size : 0;
      }
    }
    assert.equal(rows, tokens.length);
    const error = Math.exp(nll / (tokens.length - 1)) / perplexity - 1;
    const measured = `mean KL ${kl}, same top ${sameTop}, perplexity off by ${error}`;
    t.diagnostic(measured);
    assert.ok(kl <= bounds.kl, measured);
    assert.ok(sameTop >= bounds.sameTop, measured);
    assert.ok(Math.abs(error) <= bounds.perplexityError, measured);
  });
}
