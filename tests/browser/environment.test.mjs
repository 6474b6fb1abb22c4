// What a browser or a server may lack: pipit works with less, or says what is missing and what to do.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { ISOLATION, sends } from '../../tools/lib/server.mjs';
import { makeTinyModels } from '../golden/support.ts';
import { browserTest, serveHere } from './support/browsers.mjs';

const models = makeTinyModels();
const workerScript = await readFile('dist/browser/worker.js', 'utf8');

/** Routes with a worker that runs `before` first. */
const patchedWorker = (before) => ({
  '/dist/browser/worker.js': sends(before + workerScript),
});
const missing = (urlPath) => ({ [urlPath]: (_, response) => response.writeHead(404).end() });
const answering = (urlPath, type, text) => ({ [urlPath]: sends(text, type) });
const wasm = '/dist/browser/wasm/pipit-simd128.wasm';
const withoutRelaxedSimd = `const { validate } = WebAssembly;
  WebAssembly.validate = (module) => module.at(-3) !== 0x80 && validate(module);`;
const withoutLocks = `Object.defineProperty(WorkerNavigator.prototype, 'locks', { value: undefined });
  delete Crypto.prototype.randomUUID;`;

/** Memory that threads share is made by a script, that of a module alone by the module. */
const withoutMemory = (kind) => `{
  const refuse = () => { throw new RangeError('could not allocate memory'); };
  WebAssembly.Memory = class { constructor() { refuse(); } };
  if (${kind === 'any'}) WebAssembly.instantiate = async () => refuse();
}`;

const cases = [
  { what: 'not isolated', headers: {}, expected: { threads: 1, warnings: [] } },
  {
    what: 'not isolated, threads asked for',
    headers: {},
    options: { threads: 2 },
    expected: { threads: 1, warnings: [/not cross-origin isolated.*Cross-Origin-Opener-Policy/] },
  },
  {
    what: 'no relaxed SIMD',
    routes: patchedWorker(withoutRelaxedSimd),
    expected: { kernels: 'simd128', warnings: [] },
  },
  {
    what: 'no SIMD',
    routes: patchedWorker('WebAssembly.validate = () => false;'),
    error: { code: 'unsupported', message: /no SIMD.*Firefox since 89, Safari since 16\.4/ },
  },
  {
    what: 'no WebAssembly',
    routes: patchedWorker('delete self.WebAssembly;'),
    error: { code: 'unsupported', message: /no WebAssembly.*Firefox 126/ },
  },
  {
    // Nor may they: in Firefox it hangs once in a hundred times.
    what: 'workers cannot start workers',
    routes: patchedWorker('delete self.Worker;'),
    options: { threads: 2 },
    expected: { threads: 2, warnings: [] },
  },
  {
    what: 'no Web Locks, as without HTTPS',
    routes: patchedWorker(withoutLocks),
    expected: { warnings: [] },
  },
  {
    what: 'no room for memory that threads share',
    routes: patchedWorker(withoutMemory('shared')),
    options: { threads: 2 },
    expected: {
      threads: 1,
      warnings: [/Threads cannot be started here.*could not allocate memory/],
    },
  },
  {
    what: 'no room for any memory',
    routes: patchedWorker(withoutMemory('any')),
    options: { threads: 2 },
    error: {
      code: 'out_of_memory',
      message: /no memory for pipit's Wasm module.*Close other tabs/,
    },
  },
  {
    what: 'the worker is missing',
    routes: missing('/dist/browser/worker.js'),
    error: { code: 'not_found', message: /dist\/browser\/index\.js, cannot be loaded.*'assets'/ },
  },
  {
    what: 'the worker is missing from the named folder',
    options: { assets: '/nowhere' },
    error: { code: 'not_found', message: /worker\.js in http.*\/nowhere\/, cannot be loaded/ },
  },
  {
    what: 'a module is missing',
    routes: missing(wasm),
    options: { kernels: 'simd128', threads: 1 },
    error: {
      code: 'not_found',
      message: /pipit-simd128\.wasm cannot be loaded: status 404.*wasm\//,
    },
  },
  {
    what: "a module's place has a page",
    routes: answering(wasm, 'text/html', '<!doctype html>'),
    options: { kernels: 'simd128', threads: 1 },
    error: { code: 'unsupported', message: /pipit-simd128\.wasm cannot be loaded: .*magic/ },
  },
  {
    what: 'a module has another type',
    routes: answering(wasm, 'application/octet-stream', await readFile(`.${wasm}`)),
    options: { kernels: 'simd128', threads: 1 },
    expected: { kernels: 'simd128', warnings: [] },
  },
  {
    what: 'only the module with threads is missing',
    routes: missing('/dist/browser/wasm/pipit-simd128-threads.wasm'),
    options: { kernels: 'simd128', threads: 2 },
    expected: { threads: 1, warnings: [/Threads cannot be started here.*status 404/] },
  },
  {
    what: 'nobody answers whether what is stored may stay',
    prepare: () => (globalThis.StorageManager.prototype.persist = () => new Promise(() => {})),
    options: { persist: true },
    expected: { warnings: [] },
  },
  {
    what: 'what is stored may not stay',
    prepare: () => (globalThis.StorageManager.prototype.persist = async () => false),
    options: { persist: true },
    expected: { warnings: [/it may delete it when room becomes scarce/] },
  },
];

const noPreparation = () => {};
for (const testCase of cases) {
  const { what, routes, headers = ISOLATION, prepare = noPreparation, options = {} } = testCase;
  const { expected, error } = testCase;
  const server = await serveHere({ ...routes, '/models/': models }, { headers });
  browserTest(what, { url: server.url }, async ({ tab, errors }) => {
    await tab.run(10, 'Preparing', prepare);
    const outcome = await tab.run(60, 'Loading', load, '/models/tiny-q4_0.gguf', options);
    if (error) {
      assert.equal(outcome.code, error.code, outcome.message);
      assert.match(outcome.message, error.message);
      // Firefox says so itself, too.
      if (errors[0]?.startsWith('Loading Worker from')) errors.length = 0;
      return;
    }
    assert.equal(outcome.message, undefined);
    const { warnings, ...others } = expected;
    for (const [name, value] of Object.entries(others)) assert.equal(outcome[name], value, name);
    assert.equal(outcome.warnings.length, warnings.length, String(outcome.warnings));
    warnings.forEach((warning, i) => assert.match(outcome.warnings[i], warning));
    assert.equal(outcome.n, 3);
  });
}

/** In the page: what stats() says after a generation, or the error. */
async function load(url, options) {
  const { loadModel } = await import('/dist/browser/index.js');
  try {
    const model = await loadModel(url, options);
    const { tokens } = await model.generate('the', { maxTokens: 3, ignoreEos: true }).result;
    const stats = await model.stats();
    await model.dispose();
    return { ...stats, n: tokens.length };
  } catch ({ code, message }) {
    return { code, message };
  }
}
