// Token ids against llama.cpp: SmolLM2's and Gemma's own tokenizers, and every rule of the pre-tokenizers.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { MODEL, cachedModel, loadModel, makeTinyModels, readGolden } from './support.ts';

const { hashOfIds, manyStrings } = (await import('./strings.mjs')) as unknown as {
  hashOfIds: (ids: number[], specialIds: number[]) => string;
  manyStrings: (count: number, seed: number) => string[];
};

interface TokenCase {
  name: string;
  text?: string;
  /** Bytes that need not be UTF-8. */
  hex?: string;
  /** Code units, for lone surrogates. */
  utf16?: number[];
  ids: number[];
  /** With special tokens parsed, where that differs. */
  special_ids?: number[];
}

const folder = makeTinyModels({ vocabularies: true });

const FILES: { golden: string; model: string; atLeast: number }[] = [
  { golden: 'tokens.json', model: MODEL, atLeast: 320 },
  { golden: 'tokens-gpt-2.json', model: join(folder, 'vocab-gpt-2.gguf'), atLeast: 100 },
  { golden: 'tokens-llama-bpe.json', model: join(folder, 'vocab-llama-bpe.gguf'), atLeast: 100 },
  { golden: 'tokens-qwen2.json', model: join(folder, 'vocab-qwen2.gguf'), atLeast: 100 },
];

// Bytes for which SmolLM2's vocabulary has no token: they vanish.
// eslint-disable-next-line no-control-regex
const WITHOUT_TOKEN = /[\x04\x06\x13\x14\x16\x1d]/g;

interface HashesOf {
  model: string;
  count: number;
  /** Of the texts of strings.mjs, one behind the other. */
  hashes: string;
}

function textOf({ text, hex, utf16 }: TokenCase): string {
  if (text !== undefined) return text;
  if (utf16 !== undefined) return String.fromCharCode(...utf16);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(hex!, 'hex'));
}

for (const { golden, model: source, atLeast } of FILES) {
  test(`ids and texts agree with llama.cpp: ${golden}`, async () => {
    const { cases } = readGolden<TokenCase>(golden);
    assert.ok(cases.length >= atLeast, `${cases.length} cases`);
    await using model = await loadModel(source);
    const wrong: unknown[] = [];
    const expectSame = (name: string, actual: unknown, expected: unknown): void => {
      if (JSON.stringify(actual) !== JSON.stringify(expected))
        wrong.push({ name, actual, expected });
    };
    for (const one of cases) {
      const text = textOf(one);
      const plain = await model.tokenize(text, { addSpecial: false, parseSpecial: false });
      const special = await model.tokenize(text, { addSpecial: false, parseSpecial: true });
      expectSame(`${one.name}, plain`, plain, one.ids);
      expectSame(`${one.name}, special`, special, one.special_ids ?? one.ids);
      const readable = text.toWellFormed().replace(WITHOUT_TOKEN, '');
      expectSame(`${one.name}, text`, await model.detokenize(one.ids), readable);
    }
    assert.deepEqual(wrong, []);
  });
}

const { cases: hashed, seed } = readGolden<HashesOf>('tokens-hashes.json');
for (const { model: file, count, hashes } of hashed) {
  const source = /^(pairs|words)-/.test(file) ? join(folder, file) : cachedModel(file);
  test(`ids of many strings agree with llama.cpp: ${file}`, async () => {
    await using model = await loadModel(source);
    const wrong: unknown[] = [];
    for (const [i, text] of manyStrings(count, seed as number).entries()) {
      const [plain, special] = await Promise.all(
        [false, true].map((parseSpecial) =>
          model.tokenize(text, { addSpecial: false, parseSpecial }),
        ),
      );
      const expected = hashes.slice(6 * i, 6 * i + 6);
      if (hashOfIds(plain!, special!) !== expected) wrong.push({ text, plain, special });
    }
    assert.deepEqual(wrong, []);
  });
}
