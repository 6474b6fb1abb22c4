// The comparison of tiny random models with llama.cpp that tiny.test.ts and architectures.test.ts make.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { loadModel, makeTinyModels, readGolden, sha256 } from './support.ts';

export interface TinyCase {
  name: string;
  file: string;
  sha256: string;
  n_vocab: number;
  tokens: number[];
  /** base64 of little-endian float32 [rows.length, n_vocab]. */
  logits: string;
}

const KERNELS = ['reference', 'simd128'];

/** Tests the models of a golden file, made by a generator in tools/: no logit may be off by more than `maxError`. */
export function testTinyModels(
  goldenName: string,
  generator: string,
  maxError: (model: TinyCase) => number,
): void {
  const golden = readGolden<TinyCase>(goldenName);
  const goldenRows = golden.rows as number[];
  const folder = makeTinyModels({ generator });
  for (const model of golden.cases) {
    const path = join(folder, model.file);
    test(`${model.name}: the generator makes the same file as before`, () => {
      assert.equal(sha256(path), model.sha256);
    });
    for (const kernels of KERNELS) {
      test(`${model.name}, ${kernels}: logits agree with llama.cpp`, async () => {
        const error = await largestError(path, kernels, model, goldenRows);
        assert.ok(error <= maxError(model), `the largest error is ${error}`);
      });
    }
  }
}

async function largestError(
  path: string,
  kernels: string,
  { n_vocab: nVocab, tokens, logits }: TinyCase,
  rows: number[],
): Promise<number> {
  const bytes = Uint8Array.from(Buffer.from(logits, 'base64'));
  const expected = new Float32Array(bytes.buffer);
  await using model = await loadModel(path, { kernels, kvType: 'f32' });
  const actual: number[] = [];
  for await (const chunk of model.logits(tokens)) {
    for (let i = 0; i < chunk.n; ++i) {
      if (!rows.includes(chunk.start + i)) continue;
      actual.push(...chunk.logits.subarray(i * nVocab, (i + 1) * nVocab));
    }
  }
  assert.equal(actual.length, expected.length);
  const errors = actual.map((x, i) => Math.abs(x - expected[i]!));
  return errors.reduce((a, b) => Math.max(a, b), 0);
}
