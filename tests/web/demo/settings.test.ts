// The page's settings: what they may be, and that what was stored cannot break the page.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  DEFAULT_SETTINGS,
  FIELDS,
  type Settings,
  parseSettings,
  problemOf,
} from '../../../web/demo/src/state/settings_schema.ts';

const values: [name: keyof Settings, value: unknown, problem: RegExp | null][] = [
  ['temperature', 0, null],
  ['temperature', 2, null],
  ['temperature', 2.1, /A number from 0 to 2\./],
  ['temperature', NaN, /A number from 0 to 2\./],
  ['temperature', '1', /A number from 0 to 2\./],
  ['temperature', null, /A number from 0 to 2\./],
  ['topK', 1.5, /A whole number from 0 to 1000\./],
  ['maxTokens', -1, null],
  ['maxTokens', -2, /from -1/],
  ['seed', null, null],
  ['seed', 2 ** 32, /or empty/],
  ['threads', 0, /from 1 to 64, or empty/],
  ['theme', 'dark', null],
  ['theme', 'pink', /One of system, light, dark/],
  ['systemPrompt', 'x'.repeat(20_000), null],
  ['systemPrompt', 'x'.repeat(20_001), /at most 20000/],
];

for (const [name, value, problem] of values) {
  const shown = String(value).slice(0, 20);
  test(`${name} ${shown} is ${problem ? 'refused' : 'taken'}`, () => {
    const actual = problemOf(name, value);
    if (problem) assert.match(actual ?? 'no problem', problem);
    else assert.equal(actual, null);
  });
}

test('the defaults are all allowed', () => {
  for (const name of Object.keys(FIELDS) as (keyof Settings)[])
    assert.equal(problemOf(name, DEFAULT_SETTINGS[name]), null, name);
});

const stored: [what: string, value: unknown, expected: Partial<Settings>][] = [
  ['nothing', {}, {}],
  ['null', null, {}],
  ['a number', 7, {}],
  ['some settings', { temperature: 1, seed: 7 }, { temperature: 1, seed: 7 }],
  ['wrong ones beside right ones', { temperature: 'hot', topK: 5 }, { topK: 5 }],
  ['ones that do not exist any more', { mirostat: 2, topP: 1 }, { topP: 1 }],
];

for (const [what, value, expected] of stored) {
  test(`stored settings: ${what}`, () => {
    assert.deepEqual(parseSettings(value), { ...DEFAULT_SETTINGS, ...expected });
  });
}
