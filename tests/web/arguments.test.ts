// The command line's tables: what is understood, what is refused and with which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  Arguments,
  type CommandSpec,
  SAMPLING_OPTIONS,
  UsageError,
  commandHelp,
} from '../../web/src/node/arguments.ts';
import {
  formatBytes,
  formatCount,
  formatEta,
  formatMs,
  formatTable,
  formatText,
} from '../../web/src/node/format.ts';
import { GENERATE_OPTIONS, checkGenerateOptions } from '../../web/src/options.ts';

const SPEC: CommandSpec = {
  name: 'do',
  usage: 'MODEL',
  summary: 'Does it.',
  options: [
    { name: 'text', short: 't', kind: 'string', value: 'TEXT', help: 'a text' },
    ...SAMPLING_OPTIONS,
  ],
};

const understood: { args: string[]; options: object }[] = [
  { args: [], options: {} },
  {
    args: ['--max-tokens', '-1', '--temperature=0.5'],
    options: { maxTokens: -1, temperature: 0.5 },
  },
  { args: ['--stop', 'a', '--stop=--b'], options: { stop: ['a', '--b'] } },
  { args: ['--ignore-eos', '--logprobs', '3'], options: { ignoreEos: true, logprobs: 3 } },
  { args: ['--seed', '1', '--seed', '2'], options: { seed: 2 } },
  { args: ['--presence-penalty', '-.5'], options: { presencePenalty: -0.5 } },
  {
    args: ['--logit-bias', '5=-inf', '--logit-bias', '6=1.5e1'],
    options: {
      logitBias: [
        [5, -Infinity],
        [6, 15],
      ],
    },
  },
];
for (const { args, options } of understood) {
  test(`understood: ${args.join(' ') || '(nothing)'}`, () => {
    const given = new Arguments(SPEC, args).generateOptions();
    assert.deepEqual(given, options);
    assert.deepEqual(checkGenerateOptions(given), options);
  });
}

const refused: { args: string[]; message: RegExp }[] = [
  {
    args: ['--temprature', '1'],
    message:
      /^There is no option '--temprature' \(did you mean '--temperature'\?\)\. See pipit do --help\.$/,
  },
  { args: ['-x'], message: /no option '-x'\. See/ },
  { args: ['--max-tokens', 'many'], message: /'--max-tokens' must be a whole number, not 'many'/ },
  { args: ['--max-tokens', '1.5'], message: /whole number, not '1.5'/ },
  { args: ['--top-p='], message: /'--top-p' must be a number, not ''/ },
  { args: ['--text'], message: /'--text' needs a value/ },
  { args: ['--text', '--seed'], message: /'--text' needs a value .*--text=VALUE/ },
  { args: ['-t'], message: /'-t' needs a value/ },
  { args: ['--ignore-eos=yes'], message: /'--ignore-eos' takes no value/ },
  { args: ['--logit-bias', '5'], message: /ID=BIAS.*not '5'/ },
  { args: ['--logit-bias', '5=..'], message: /ID=BIAS/ },
];
for (const { args, message } of refused) {
  test(`refused: ${args.join(' ')}`, () => {
    assert.throws(
      () => new Arguments(SPEC, args).generateOptions(),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

test('positionals: the model first, then what a command takes, no more', () => {
  const args = new Arguments(SPEC, ['m', '-t', 'x', 'a', '--', '--b']);
  assert.equal(args.string('text'), 'x');
  assert.throws(() => new Arguments(SPEC, []).takeModel(), /MODEL is missing/);
  assert.equal(args.takeModel(), 'm');
  assert.deepEqual(args.positionals, ['a', '--b']);
  assert.throws(() => args.expectNoMore(), /too many: 'a'/);
});

test('the help has every option', () => {
  const help = commandHelp(SPEC);
  assert.equal(SAMPLING_OPTIONS.length, GENERATE_OPTIONS.length);
  for (const { name } of SPEC.options) assert.ok(help.includes(`--${name}`), name);
  assert.ok(help.includes('--json') && help.includes('-h, --help'));
});

const formats: [shown: string, expected: string][] = [
  [formatCount(1234567), '1,234,567'],
  [formatBytes(512), '0.5 kB'],
  [formatBytes(98_362_432), '98.4 MB'],
  [formatBytes(2.5e9), '2.50 GB'],
  [formatMs(371.6), '372 ms'],
  [formatMs(1234), '1.23 s'],
  [formatEta(59.2), '1 min 0 s'],
  [formatEta(0.1), '1 s'],
  [formatText('a\u001b[31m\nb', 99), 'a\\u001b[31m\\nb'],
  [formatText('abcdef', 4), 'abc…'],
  [
    formatTable([
      ['A', '>B'],
      ['x', '1'],
      ['yy', '10'],
    ]),
    'A    B\nx    1\nyy  10\n',
  ],
];
for (const [shown, expected] of formats) {
  test(`format: ${JSON.stringify(expected)}`, () => assert.equal(shown, expected));
}
