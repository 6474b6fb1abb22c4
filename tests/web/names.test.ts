// Names between the three worlds, and suggestions.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { didYouMean, toCamel, toKebab, toSnake } from '../../web/src/names.ts';

const names: [snake: string, camel: string, kebab: string][] = [
  ['n_ctx_train', 'nCtxTrain', 'n-ctx-train'],
  ['top_k', 'topK', 'top-k'],
  ['seed', 'seed', 'seed'],
];
for (const [snake, camel, kebab] of names) {
  test(`names: ${snake}`, () => {
    assert.deepEqual(
      [toCamel(snake), toSnake(camel), toKebab(camel), toCamel(kebab)],
      [camel, snake, kebab, camel],
    );
  });
}

const suggestions: [given: string, expected: string][] = [
  ['temprature', 'temperature'],
  ['maxtokens', 'maxTokens'],
  ['sed', 'seed'],
  ['sede', 'seed'],
  ['zzzzzzzz', ''],
  ['x', ''],
];
for (const [given, expected] of suggestions) {
  test(`did you mean: ${given}`, () => {
    const hint = didYouMean(given, ['temperature', 'maxTokens', 'seed', 'stop']);
    assert.equal(hint, expected && ` (did you mean '${expected}'?)`);
  });
}
