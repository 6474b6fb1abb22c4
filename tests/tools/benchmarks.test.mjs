// What the benchmarks share: options, the paths their server gives out, figures and the page made of records.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { drawPicture } from '../../benchmarks/lib/charts.mjs';
import { figuresOf, mergeEngineResults } from '../../benchmarks/lib/figures.mjs';
import { UsageError, parse, parseValues } from '../../benchmarks/lib/program.mjs';
import { fileOf } from '../../tools/lib/server.mjs';
import { renderPage } from '../../benchmarks/report.mjs';
import { spread } from '../../dist/stats.js';

const options = [
  { name: 'gen-tokens', default: '64', parse: parse.count(2) },
  { name: 'threads', default: '1,2', parse: parse.list(parse.count(1)) },
  { name: 'hosts', default: 'node', parse: parse.list(parse.name(['node', 'firefox'])) },
  { name: 'json', parse: parse.text },
];
const defaults = { genTokens: 64, threads: [1, 2], hosts: ['node'], json: undefined };
const commandLines = [
  { args: [], expected: {} },
  { args: ['--gen-tokens', '8'], expected: { genTokens: 8 } },
  { args: ['--threads=4'], expected: { threads: [4] } },
  { args: ['--threads', '1, 4'], expected: { threads: [1, 4] } },
  { args: ['--threads='], expected: { threads: [] } },
  { args: ['--hosts', 'firefox,node'], expected: { hosts: ['firefox', 'node'] } },
  { args: ['--json', 'a.json'], expected: { json: 'a.json' } },
  { args: ['--gen-tokens', '1'], message: /whole number from 2, not '1'/ },
  { args: ['--gen-tokens', ''], message: /whole number/ },
  { args: ['--threads', '1,x'], message: /whole number from 1, not 'x'/ },
  { args: ['--hosts', 'safari'], message: /has no 'safari'. There are: node, firefox/ },
  { args: ['--round', '1'], message: /--round.*See --help/ },
  { args: ['word'], message: /word/ },
];
for (const { args, expected, message } of commandLines) {
  test(`options: ${args.join(' ') || 'none'}`, () => {
    if (message) {
      assert.throws(
        () => parseValues(options, args),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    } else {
      assert.deepEqual(parseValues(options, args), { ...defaults, ...expected });
    }
  });
}

const routes = { '/dist/': path.resolve('dist'), '/model': path.resolve('model.gguf') };
const paths = [
  { url: '/dist/a/b.js', expected: path.resolve('dist/a/b.js') },
  { url: '/dist/a%20b.js', expected: path.resolve('dist/a b.js') },
  { url: '/model', expected: path.resolve('model.gguf') },
  { url: '/model/x', expected: null },
  { url: '/distant', expected: null },
  { url: '/dist/../package.json', expected: null },
  { url: '/dist/%2e%2e/package.json', expected: null },
  { url: '/dist/..%2fpackage.json', expected: null },
  { url: '/dist/', expected: null },
];
for (const { url, expected } of paths) {
  test(`the server's file of ${url}`, () => assert.equal(fileOf(routes, url), expected));
}

const machine = { cpu: 'A <CPU>', cores: 2, memory_bytes: 2 ** 33, system: 'Linux', node: 'v1' };
const head = { machine, date: '2026-11-22T00:00:00Z', commit: null, table: 'a & b\n' };
const speed = (prefill, decode) => ({ prefill: spread([prefill]), decode: spread([decode]) });

function engineResult(kernels, threads, { prompts = {}, growth = {} }) {
  return {
    ...{ model: 'm', host: 'node', kernels, used_kernels: kernels, threads },
    prompts: Object.entries(prompts).map(([n, [prefill, decode]]) => ({
      prompt_tokens: Number(n),
      ...speed(prefill, decode),
    })),
    growth: Object.entries(growth).map(([position, decode]) => ({
      position: Number(position),
      ...speed(1, decode),
    })),
  };
}

const peers = {
  ...head,
  benchmark: 'peers',
  command: 'npm run bench:peers',
  settings: { model: 'm', threads: 1, prompt_tokens: 256, gen_tokens: 64 },
  results: [
    { engine: 'pipit-node', ...speed(280, 165) },
    { engine: 'wllama', ...speed(15, 9) },
  ],
};
const engine = {
  ...head,
  benchmark: 'engine',
  command: 'npm run bench',
  results: [
    engineResult('simd128', 1, { prompts: { 16: [100, 50], 256: [200, 60] } }),
    engineResult('simd128', 1, { growth: { 100: 50, 4000: 25 } }),
    engineResult('relaxed', 2, { prompts: { 256: [300, 90] } }),
  ],
};
const kernels = {
  ...head,
  benchmark: 'kernels',
  command: 'npm run bench:kernels',
  results: [
    { kernels: 'none', kernel: 'read', shape: '8 streams', n: 1, gbytes: spread([20]) },
    {
      ...{ kernels: 'simd128', kernel: 'matmul', shape: 'Q4_1 1536x576', n: 1 },
      ...{ gmacs: spread([15]), gbytes: spread([11]) },
    },
    { kernels: 'simd128', kernel: 'rope', shape: '576', n: 576, gmacs: null, gbytes: null },
  ],
};

const medians = (series) =>
  series.map(({ name, values }) => [
    name,
    ...values.map((value) => (value?.y ?? value)?.median ?? null),
  ]);
const figures = [
  {
    id: 'peers-decode',
    records: [peers],
    names: ['pipit-node', 'wllama'],
    expected: [['1 thread', 165, 9]],
  },
  {
    id: 'peers-prefill',
    records: [peers, { ...peers, settings: { threads: 2 }, results: peers.results.slice(0, 1) }],
    names: ['pipit-node', 'wllama'],
    expected: [
      ['1 thread', 280, 15],
      ['2 threads', 280, null],
    ],
  },
  { id: 'growth-m', records: [engine], expected: [['simd128', 20, 40]] },
  { id: 'prompts-m', records: [engine], expected: [['simd128', 100, 200]] },
  {
    id: 'threads-decode-m',
    records: [engine],
    names: ['simd128', 'relaxed'],
    expected: [
      ['1 thread', 60, null],
      ['2 threads', null, 90],
    ],
  },
  { id: 'kernels-gmacs-1', records: [kernels], names: ['Q4_1'], expected: [['simd128', 15]] },
  { id: 'kernels-gbytes', records: [kernels], names: ['Q4_1'], expected: [['simd128', 11]] },
];
for (const { id, records, names, expected } of figures) {
  test(`figure ${id}`, () => {
    const figure = figuresOf(records).find((candidate) => candidate.id === id);
    assert.deepEqual(figure.categories, names);
    assert.deepEqual(medians(figure.series), expected);
  });
}

test('what has not been measured has no figure', () => {
  const ids = (records) => figuresOf(records).map(({ id }) => id);
  assert.deepEqual(ids([]), []);
  assert.deepEqual(ids([peers]), ['peers-decode', 'peers-prefill']);
  assert.deepEqual(ids([kernels]), ['kernels-gmacs-1', 'kernels-gbytes']);
});

test('of what two runs measured, the later one counts', () => {
  const [first, second] = [50, 70].map((decode) =>
    engineResult('simd128', 1, { prompts: { 256: [200, decode] } }),
  );
  const other = engineResult('simd128', 1, { prompts: { 16: [1, 2] }, growth: { 100: 9 } });
  const [merged, ...more] = mergeEngineResults([first, other, second]);
  assert.equal(more.length, 0);
  assert.deepEqual(merged.prompts, [...other.prompts, ...second.prompts]);
  assert.deepEqual(merged.growth, other.growth);
});

test('the page holds everything itself, escaped, in colours of either theme', () => {
  const page = renderPage([peers, engine, kernels]);
  for (const text of ['A &lt;CPU&gt;', 'a &amp; b', 'pipit-node', 'wllama', '165', 'simd128']) {
    assert.ok(page.includes(text), text);
  }
  assert.ok(page.includes('var(--c0)'));
  assert.doesNotMatch(page, /#0102[a-f0-9]{2}|<script|(?:src|href)="http|url\(http/);
  const wanted = figuresOf([peers, engine, kernels]).length;
  assert.equal(page.match(/<figure /g).length, wanted);
  assert.equal(page.match(/<svg /g).length, 2 * wanted);
});

test('the picture is one SVG with all chosen figures', () => {
  const picture = drawPicture(figuresOf([peers]), 760);
  assert.match(picture, /^<svg [^>]*viewBox="0 0 760 \d+"/);
  assert.match(picture, /Decode, by engine \(tokens\/s\)/);
  assert.match(picture, /prefers-color-scheme: dark/);
  assert.match(picture, /Prefill, by engine/);
});
