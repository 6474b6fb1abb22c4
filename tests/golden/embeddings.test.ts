// Vectors of texts against llama.cpp: tiny random models that make embeddings, from the text to the pooled vector.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { loadModel, makeTinyModels, readGolden, sha256 } from './support.ts';

const { embeddingTexts } = (await import('./inputs.mjs')) as unknown as {
  embeddingTexts: string[];
};

interface EmbeddingCase {
  name: string;
  file: string;
  sha256: string;
  texts: { n_tokens: number; vector: string }[];
}

// Of vectors of length 1.
const MAX_ERROR = 2e-6;
// llama.cpp looks bert's GELU up in a table of half-precision floats (architectures.test.ts).
const MAX_ERROR_GELU = 2e-4;

const folder = makeTinyModels({ generator: 'make-tiny-encoders.py' });
for (const { name, file, sha256: hash, texts } of readGolden<EmbeddingCase>('embeddings.json')
  .cases) {
  const path = join(folder, file);
  test(`${name}: the generator makes the same file as before`, () => {
    assert.equal(sha256(path), hash);
  });
  for (const kernels of ['reference', 'simd128']) {
    test(`${name}, ${kernels}: vectors agree with llama.cpp`, async () => {
      await using model = await loadModel(path, { kernels });
      const embeddings = await model.embed(embeddingTexts);
      const errors = embeddings.map(({ vector, tokens }, i) => {
        assert.equal(tokens, texts[i]!.n_tokens, `text ${i}`);
        const expected = new Float32Array(
          Uint8Array.from(Buffer.from(texts[i]!.vector, 'base64')).buffer,
        );
        assert.equal(vector.length, expected.length);
        return vector.reduce((max, x, k) => Math.max(max, Math.abs(x - expected[k]!)), 0);
      });
      const limit = name.startsWith('bert') ? MAX_ERROR_GELU : MAX_ERROR;
      assert.ok(Math.max(...errors) <= limit, `the largest errors are ${errors.join()}`);
    });
  }
}
