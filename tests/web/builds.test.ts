// Which Wasm module is chosen, by a table; and that this environment is seen as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type BuildConditions, chooseBuild, detectConditions } from '../../web/src/builds.ts';
import { throwsWith } from './support/expect.ts';

const PAGE = {
  kernels: 'auto',
  threads: undefined,
  webAssembly: true,
  simd: true,
  relaxedSimd: true,
  sharedMemory: true,
  cores: 8,
};

const cases: {
  name: string;
  conditions: Partial<BuildConditions>;
  build: string;
  threads: number;
  warning?: RegExp;
}[] = [
  { name: 'everything is there', conditions: {}, build: 'pipit-relaxed-threads', threads: 4 },
  { name: 'two cores', conditions: { cores: 2 }, build: 'pipit-relaxed-threads', threads: 2 },
  { name: 'one core', conditions: { cores: 1 }, build: 'pipit-relaxed', threads: 1 },
  { name: 'cores unknown', conditions: { cores: 0 }, build: 'pipit-relaxed', threads: 1 },
  {
    name: 'no relaxed SIMD',
    conditions: { relaxedSimd: false },
    build: 'pipit-simd128-threads',
    threads: 4,
  },
  {
    name: 'no isolation, nothing asked for',
    conditions: { sharedMemory: false },
    build: 'pipit-relaxed',
    threads: 1,
  },
  {
    name: 'no isolation, threads asked for',
    conditions: { sharedMemory: false, threads: 2 },
    build: 'pipit-relaxed',
    threads: 1,
    warning: /not cross-origin isolated.*one thread.*Cross-Origin-Embedder-Policy/,
  },
  {
    name: 'no isolation, one thread asked for',
    conditions: { sharedMemory: false, threads: 1 },
    build: 'pipit-relaxed',
    threads: 1,
  },
  { name: 'one thread', conditions: { threads: 1 }, build: 'pipit-relaxed', threads: 1 },
  {
    name: 'more threads than cores',
    conditions: { threads: 16 },
    build: 'pipit-relaxed-threads',
    threads: 16,
  },
  {
    name: 'simd128 forced',
    conditions: { kernels: 'simd128' },
    build: 'pipit-simd128-threads',
    threads: 4,
  },
  {
    name: 'simd128 forced, one thread',
    conditions: { kernels: 'simd128', threads: 1 },
    build: 'pipit-simd128',
    threads: 1,
  },
  {
    name: 'reference',
    conditions: { kernels: 'reference', threads: 1 },
    build: 'pipit-relaxed',
    threads: 1,
  },
];
for (const { name, conditions, build, threads, warning } of cases) {
  test(`build: ${name}`, () => {
    const chosen = chooseBuild({ ...PAGE, ...conditions });
    assert.deepEqual([chosen.name, chosen.threads], [build, threads]);
    assert.equal(chosen.warnings.length, warning ? 1 : 0);
    if (warning) assert.match(chosen.warnings[0]!, warning);
  });
}

const impossible = [
  {
    name: 'no WebAssembly',
    conditions: { webAssembly: false },
    message: /no WebAssembly.*Safari 18/,
  },
  { name: 'no SIMD', conditions: { simd: false }, message: /no SIMD.*since version 91/ },
];
for (const { name, conditions, message } of impossible) {
  test(`build: ${name}`, () => {
    throwsWith(() => chooseBuild({ ...PAGE, ...conditions }), 'unsupported', message);
  });
}

test('Node 26 has all that pipit can use', () => {
  const { cores, ...others } = detectConditions();
  const expected = { webAssembly: true, simd: true, relaxedSimd: true, sharedMemory: true };
  assert.deepEqual(others, expected);
  assert.ok(cores >= 1);
});
