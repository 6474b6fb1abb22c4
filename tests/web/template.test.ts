// Templates within bounds: what a file's template may do, and how it is refused when it does more.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { renderTemplate } from '../../web/src/template.ts';
import { throwsWith } from './support/expect.ts';

const render = (source: string, variables: Record<string, unknown> = {}): string =>
  renderTemplate(source, variables, 'these messages');

const LIMIT = 'limit_exceeded';
const nested = (n: number, inner: string): string => '('.repeat(n) + inner + ')'.repeat(n);

const refused: { name: string; source: string; code: string; message: RegExp }[] = [
  {
    name: 'loops within loops',
    source:
      '{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}',
    code: LIMIT,
    message: /does not come to an end within 1000000 steps, at .*for .*chatTemplate.*--template/,
  },
  {
    name: 'a range of more items than there are steps',
    source: '{{ range(1000000000) | length }}',
    code: LIMIT,
    message: /does not come to an end within/,
  },
  {
    name: 'a million iterations that print nothing',
    source: '{% for a in range(999999) %}{% set b = a + 1 %}{% endfor %}',
    code: LIMIT,
    message: /does not come to an end within/,
  },
  {
    name: 'megabytes, printed in pieces',
    source: `{% for a in range(20000) %}${'x'.repeat(100)}{% endfor %}`,
    code: LIMIT,
    message: /makes more than 1048576 characters/,
  },
  {
    name: 'a string that doubles',
    source:
      "{% set ns = namespace(s='xxxxxxxx') %}{% for a in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    code: LIMIT,
    message: /makes more than 1048576 characters/,
  },
  {
    name: 'a list that doubles',
    source:
      '{% set ns = namespace(l=[1, 2]) %}{% for a in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}',
    code: LIMIT,
    message: /does not come to an end within/,
  },
  {
    name: 'a join with a long text between',
    source: `{% set s = '${'x'.repeat(10_000)}' %}{{ range(100000) | join(s) }}`,
    code: LIMIT,
    message: /may make more than 100000000 characters at once/,
  },
  {
    name: 'a macro that calls itself',
    source: '{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}',
    code: LIMIT,
    message: /nests deeper than 256 levels/,
  },
  {
    name: 'a block that is not closed',
    source: 'one\n{% for m in messages %}\ntwo',
    code: 'unsupported',
    message: /cannot be parsed: .*line \d/,
  },
  {
    name: 'an expression that is nested too deeply',
    source: `{{ ${nested(20_000, '1')} }}`,
    code: 'unsupported',
    message: /cannot be parsed: .*nested too deeply/,
  },
  {
    name: 'a template of megabytes',
    source: 'x'.repeat(2 ** 18 + 1),
    code: LIMIT,
    message: /has 262145 characters, expected at most 262144/,
  },
  {
    name: 'thousands of spaces',
    source: `{{ 1 }}${' '.repeat(5000)}{{ 2 }}`,
    code: LIMIT,
    message: /has 5000 white-space characters in a row, expected at most 1000/,
  },
  {
    name: 'its own exception',
    source: "a{{ raise_exception('Roles must alternate.') }}",
    code: 'invalid_argument',
    message: /cannot be rendered with these messages: Roles must alternate\., at .*raise_exception/,
  },
  {
    name: 'a filter that there is not',
    source: '{{ 1 | nosuchfilter }}',
    code: 'invalid_argument',
    message: /cannot be rendered.*nosuchfilter/,
  },
];

for (const { name, source, code, message } of refused) {
  test(`refused: ${name}`, () => throwsWith(() => render(source), code, message));
}

test('what templates of models use works as in the library', () => {
  const cases = [
    { source: '{% for i in range(3) %}{{ i }}{% endfor %}', expected: '012' },
    { source: '{% for i in range(1, 7, 2) %}{{ i }}{% endfor %}', expected: '135' },
    { source: '{% for i in range(3, 0, -1) %}{{ i }}{% endfor %}', expected: '321' },
    { source: '{{ true and not False }}{{ none is none }}', expected: 'truetrue' },
    { source: '{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}{{ f(2) }}', expected: '<1><2>' },
    { source: "{{ ' a ' | trim }}{{ 'b'.upper() }}", expected: 'aB' },
    { source: "{{ strftime_now('%Y') | length }}", expected: '4' },
    { source: '{% set n = namespace(a=1) %}{% set n.a = 2 %}{{ n.a }}', expected: '2' },
  ];
  for (const { source, expected } of cases) assert.equal(render(source), expected, source);
});

test('a long conversation is within the bounds, whatever its length in characters', () => {
  const source =
    "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}S{% endif %}{{ '<' + m['role'] + '>' + m['content'] }}{% endfor %}";
  const content = 'word '.repeat(500);
  const messages = Array.from({ length: 1000 }, () => ({ role: 'user', content }));
  assert.equal(render(source, { messages }), `S${`<user>${content}`.repeat(1000)}`);
});
