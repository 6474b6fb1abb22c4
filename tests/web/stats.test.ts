// The arithmetic of the benchmarks.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { quantile, ratio, spread } from '../../web/src/stats.ts';

const quantiles: { values: number[]; q: number; expected: number }[] = [
  { values: [3], q: 0.5, expected: 3 },
  { values: [3, 1, 2], q: 0.5, expected: 2 },
  { values: [4, 1, 3, 2], q: 0.5, expected: 2.5 },
  { values: [10, 9, 100], q: 0.5, expected: 10 },
  { values: [10, 20], q: 0, expected: 10 },
  { values: [10, 20], q: 1, expected: 20 },
  { values: [0, 10, 20, 30, 40], q: 0.9, expected: 36 },
];
for (const { values, q, expected } of quantiles) {
  test(`the ${q}-quantile of ${values.join(', ')} is ${expected}`, () => {
    assert.ok(Math.abs(quantile(values, q) - expected) < 1e-12);
  });
}

test('a spread keeps the order of its values', () => {
  const values = [5, 1, 3];
  assert.deepEqual(spread(values), { median: 3, min: 1, max: 5, values: [5, 1, 3] });
});

test('a ratio is taken round by round, not of the medians', () => {
  const a = spread([10, 40, 90]);
  const b = spread([10, 10, 10]);
  assert.deepEqual(ratio(a, b), { median: 4, min: 1, max: 9, values: [1, 4, 9] });
  // Both slow down in the second round: the ratio stays.
  assert.deepEqual(ratio(spread([8, 2]), spread([4, 1])), spread([2, 2]));
});
