// The built package in real browsers: loads a tiny model, generates, and computes what Node computes.
import assert from 'node:assert/strict';
import path from 'node:path';

import { loadModel, makeTinyModels } from '../golden/support.ts';
import { browserTest, serveHere } from './support/browsers.mjs';

const folder = makeTinyModels();
const encoders = makeTinyModels({ generator: 'make-tiny-encoders.py' });
const file = 'tiny-q4_0.gguf';
const server = await serveHere({ '/models/': folder, '/encoders/': encoders });
const tokens = Array.from({ length: 40 }, (_, i) => (i * 37) % 256);
const options = { kernels: 'simd128', kvType: 'f32' };

async function logitsInNode() {
  await using model = await loadModel(path.join(folder, file), options);
  const values = [];
  for await (const { logits } of model.logits(tokens)) values.push(...logits);
  return values;
}

const expected = await logitsInNode();

for (const threads of [1, 2]) {
  browserTest(
    `simd128, threads: ${threads}: the logits have the same bits as in Node`,
    { url: server.url },
    async ({ tab }) => {
      const actual = await tab.run(
        60,
        'Computing logits',
        async (url, tokens, options) => {
          const { loadModel } = await import('/dist/browser/index.js');
          const model = await loadModel(url, options);
          const values = [];
          for await (const { logits } of model.logits(tokens)) values.push(...logits);
          const { threads, warnings } = await model.stats();
          await model.dispose();
          return { values, threads, warnings };
        },
        `/models/${file}`,
        tokens,
        { ...options, threads },
      );
      assert.deepEqual(actual, { values: expected, threads, warnings: [] });
    },
  );
}

async function embedInNode(texts) {
  await using model = await loadModel(path.join(encoders, 'tiny-bert-mean.gguf'), options);
  return (await model.embed(texts)).map(({ vector }) => Array.from(vector));
}

browserTest('embeds texts as Node does', { url: server.url }, async ({ tab }) => {
  const texts = ['the cat sat on the mat', 'rain '.repeat(60)];
  const vectors = await tab.run(
    60,
    'Embedding',
    async (texts, options) => {
      const { loadModel } = await import('/dist/browser/index.js');
      const model = await loadModel('/encoders/tiny-bert-mean.gguf', options);
      const embeddings = await model.embed(texts);
      await model.dispose();
      return embeddings.map(({ vector }) => Array.from(vector));
    },
    texts,
    { ...options, threads: 2 },
  );
  assert.deepEqual(vectors, await embedInNode(texts));
});

browserTest('generates, and the pieces are the text', { url: server.url }, async ({ tab }) => {
  const { text, pieces, stopReason } = await tab.run(
    60,
    'Generating',
    async (url) => {
      const { loadModel } = await import('/dist/browser/index.js');
      const model = await loadModel(url);
      const stream = model.generate('the thing in the', { maxTokens: 8, ignoreEos: true });
      const pieces = [];
      for await (const piece of stream) pieces.push(piece.text);
      const { text, stopReason } = await stream.result;
      await model.dispose();
      return { text, pieces, stopReason };
    },
    `/models/${file}`,
  );
  assert.equal(stopReason, 'length');
  assert.equal(pieces.join(''), text);
});
