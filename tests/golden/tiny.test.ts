// Tiny random models against llama.cpp: formats, shapes and RoPE variants that the real model lacks.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { loadModel, makeTinyModels, readGolden } from './support.ts';

interface TinyCase {
  name: string;
  file: string;
  sha256: string;
  n_vocab: number;
  tokens: number[];
  /** base64 of little-endian float32 [rows.length, n_vocab]. */
  logits: string;
}

// Logits have a standard deviation of 2, and llama.cpp's are within 1e-5 of a float64 forward pass. Products with float
// weights differ by the order of sums, those with quantised weights also by activations rounded to 16 bits.
const MAX_ERROR = 5e-5;
const MAX_ERROR_QUANTISED = 2e-3;
const KERNELS = ['reference', 'simd128'];

const golden = readGolden<TinyCase>('tiny.json');
const goldenRows = golden.rows as number[];
const folder = makeTinyModels();

for (const { name, file, sha256, n_vocab: nVocab, tokens, logits } of golden.cases) {
  const path = join(folder, file);
  test(`${name}: the generator makes the same file as before`, () => {
    assert.equal(createHash('sha256').update(readFileSync(path)).digest('hex'), sha256);
  });
  for (const kernels of KERNELS) {
    test(`${name}, ${kernels}: logits agree with llama.cpp`, async () => {
      const bytes = Uint8Array.from(Buffer.from(logits, 'base64'));
      const expected = new Float32Array(bytes.buffer);
      await using model = await loadModel(path, { kernels, kvType: 'f32' });
      const actual: number[] = [];
      for await (const chunk of model.logits(tokens)) {
        for (let i = 0; i < chunk.n; ++i) {
          if (!goldenRows.includes(chunk.start + i)) continue;
          actual.push(...chunk.logits.subarray(i * nVocab, (i + 1) * nVocab));
        }
      }
      assert.equal(actual.length, expected.length);
      const errors = actual.map((x, i) => Math.abs(x - expected[i]!));
      const error = errors.reduce((a, b) => Math.max(a, b), 0);
      const bound = /q4|q8|mixed/.test(name) ? MAX_ERROR_QUANTISED : MAX_ERROR;
      assert.ok(error <= bound, `the largest error is ${error}`);
    });
  }
}
