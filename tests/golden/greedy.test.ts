// Greedy continuations against llama.cpp on an F32 copy of each of the two models of the catalogue.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ChatMessage } from '../../web/src/index.ts';
import { GEMMA, MODEL, loadModel, readGolden } from './support.ts';

interface GreedyCase {
  name: string;
  messages?: ChatMessage[];
  prompt_ids: number[];
  /** 48, or fewer when the last is an end-of-generation token. */
  ids: number[];
  /** Log-probability of each id minus that of the second best. */
  gaps: number[];
}

const MAX_TOKENS = 48;
// Two rights may differ where the two best tokens are this close; the rest must agree.
const NEAR_TIE = 0.01;
const LEAST_AGREEING = 0.8;

const MODELS = [
  { name: MODEL, golden: 'greedy.json' },
  { name: GEMMA, golden: 'greedy-gemma.json' },
] as const;

for (const { name: modelName, golden } of MODELS) {
  test(`${modelName}: greedy continuations agree with llama.cpp`, async () => {
    const { cases } = readGolden<GreedyCase>(golden);
    assert.ok(cases.length >= 10, `${cases.length} prompts`);
    await using model = await loadModel(modelName, {
      kernels: 'simd128',
      kvType: 'f32',
      nCtx: 512,
    });
    const different: string[] = [];
    for (const { name, messages, prompt_ids: promptIds, ids, gaps } of cases) {
      const options = { temperature: 0, maxTokens: MAX_TOKENS };
      const stream = messages ? model.chat(messages, options) : model.generate(promptIds, options);
      const result = await stream.result;
      assert.equal(result.promptTokens, promptIds.length, `${name}: length of the prompt`);
      const isEnded = ids.length < MAX_TOKENS;
      const expected = isEnded ? ids.slice(0, -1) : ids;
      const at = expected.findIndex((id, i) => result.tokens[i] !== id);
      if (at >= 0) {
        const gap = gaps[at]!;
        assert.ok(gap < NEAR_TIE, `${name}: token ${at} differs although the gap is ${gap}`);
        different.push(`${name} at ${at}, gap ${gap}`);
      } else if (result.tokens.length !== expected.length) {
        assert.ok(
          isEnded,
          `${name}: stopped after ${result.tokens.length} of ${MAX_TOKENS} tokens`,
        );
        const gap = gaps.at(-1)!;
        assert.ok(gap < NEAR_TIE, `${name}: did not end although the gap is ${gap}`);
        different.push(`${name} at its end, gap ${gap}`);
      } else {
        assert.equal(result.stopReason, isEnded ? 'eos' : 'length', name);
      }
    }
    const agreeing = 1 - different.length / cases.length;
    assert.ok(agreeing >= LEAST_AGREEING, `these differ: ${different.join('; ')}`);
  });
}
