// Vectors of texts against llama.cpp: tiny random models that make embeddings, from the text to the pooled vector.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { pipit, succeed } from '../web/support/cli.ts';
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

const BERT = join(folder, 'tiny-bert-mean.gguf');

test('pipit embed prints what embed() gives, of --text and of the lines of stdin', async () => {
  const texts = ['the cat', '', 'a dog'];
  await using model = await loadModel(BERT, { kernels: 'simd128' });
  const expected = (await model.embed(texts)).map(({ vector }) => Array.from(vector));
  const options = ['embed', BERT, '--kernels', 'simd128'];
  const lines = expected.map((vector) => `${JSON.stringify(vector)}\n`).join('');
  assert.equal(await succeed([...options, ...texts.flatMap((text) => ['--text', text])]), lines);
  assert.equal(await succeed(options, 'the cat\r\n\na dog'), lines);
  assert.equal(await succeed(options, 'the cat\n\na dog\n'), lines);
  assert.deepEqual(JSON.parse(await succeed([...options, '--text', 'a dog', '--json'])), {
    embeddings: [{ text: 'a dog', tokens: 4, vector: expected[2] }],
  });
});

const refusals = [
  { args: ['embed', BERT], code: 2, message: /There is no text in stdin/ },
  {
    args: ['embed', BERT, '--text', 'a', '--pooling', 'max'],
    code: 1,
    message: /'pooling' is "max"; it must be "auto", "mean", "cls" or "last"/,
  },
  {
    args: ['embed', BERT, '--text', 'a', '--text', 'a '.repeat(300)],
    code: 1,
    message: /Text 2: The text has 302 tokens, but the model takes at most 256/,
  },
  { args: ['chat', BERT, 'a'], code: 1, message: /^pipit: This is an embedding model \(bert\)/ },
  {
    args: ['complete', BERT, '--prompt', 'a'],
    code: 1,
    message: /This is an embedding model \(bert\)/,
  },
];
for (const { args, code, message } of refusals) {
  test(`pipit ${args[0]} says what is wrong: ${String(message)}`, async () => {
    const result = await pipit(args);
    assert.deepEqual([result.code, result.stdout], [code, '']);
    assert.match(result.stderr, message);
  });
}

test('the same session makes a text and vectors, and a cancelled embedding leaves it usable', async () => {
  await using model = await loadModel(join(folder, 'tiny-qwen3-last.gguf'));
  const [alone] = await model.embed(['the cat sat']);
  const abort = new AbortController();
  const cancelled = model.embed(['the cat sat '.repeat(18), 'b'], {
    signal: abort.signal,
    onProgress: () => abort.abort(),
  });
  const [, again, generated] = await Promise.all([
    assert.rejects(cancelled, { code: 'cancelled' }),
    model.embed(['the cat sat']),
    model.generate('the cat', { maxTokens: 5, ignoreEos: true }).result,
  ]);
  assert.deepEqual(again[0], alone);
  assert.equal(generated.tokens.length, 5);
});
