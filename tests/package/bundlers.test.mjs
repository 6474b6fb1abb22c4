// Apps built from the packed package with each bundler, run in Chromium, with threads and without.
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import * as esbuild from 'esbuild';
import * as vite from 'vite';
import webpack from 'webpack';

import { ISOLATION } from '../../tools/lib/server.mjs';
import { browserTest, serveHere } from '../browser/support/browsers.mjs';
import { loadModel, makeTinyModels } from '../golden/support.ts';
import { unpackPackage } from './support.mjs';

const models = makeTinyModels();
const file = 'tiny-q4_0.gguf';
const options = { kernels: 'simd128', kvType: 'f32' };
const { folder, app, installed } = unpackPackage();
const browserFiles = path.join(installed, 'dist/browser');

/** How each makes a folder `out` of the app. */
const builders = {
  'no bundler': async (out) => {
    const text = await readFile(path.join(app, 'main.js'), 'utf8');
    await writeFile(path.join(out, 'main.js'), text.replace("'pipit'", "'./pipit/index.js'"));
    await copyToApp(out, browserFiles, 'pipit');
  },
  Vite: (out) =>
    vite.build({
      root: app,
      configFile: false,
      logLevel: 'error',
      build: { outDir: out, emptyOutDir: true },
    }),
  'webpack 5': async (out) => {
    const stats = await promisify(webpack)({
      mode: 'production',
      context: app,
      entry: './main.js',
      output: { path: out, filename: 'main.js' },
      performance: false,
    });
    assert.deepEqual(stats.toJson({ all: false, warnings: true, errors: true }).errors, []);
  },
  esbuild: async (out) => {
    await bundleWithEsbuild(out, { format: 'esm' });
    await copyToApp(out, path.join(browserFiles, 'worker.js'), 'worker.js');
    await copyToApp(out, path.join(browserFiles, 'wasm'), 'wasm');
  },
  'esbuild, one classic script and assets': async (out) => {
    await bundleWithEsbuild(out, { format: 'iife', logLevel: 'error' });
    await copyToApp(out, browserFiles, 'files/pipit');
  },
};

const appOptions = { 'esbuild, one classic script and assets': { assets: 'files/pipit' } };

function bundleWithEsbuild(out, options) {
  const entryPoints = [path.join(app, 'main.js')];
  return esbuild.build({ entryPoints, bundle: true, minify: true, outdir: out, ...options });
}

function copyToApp(out, source, target) {
  return cp(source, path.join(out, target), { recursive: true });
}

async function tokensInNode() {
  await using model = await loadModel(path.join(models, file), options);
  const settings = { maxTokens: 6, temperature: 0, ignoreEos: true };
  return (await model.generate('the thing in', settings).result).tokens;
}

const expected = await tokensInNode();
assert.equal(expected.length, 6);

for (const [name, build] of Object.entries(builders)) {
  const out = path.join(folder, 'out', name);
  await mkdir(out, { recursive: true });
  const built = cp(path.join(app, 'index.html'), path.join(out, 'index.html')).then(() =>
    build(out),
  );
  test(`${name}: builds`, () => built);
  for (const isolated of [true, false]) {
    const server = await serveHere(
      { '/models/': models, '/': out },
      { headers: isolated ? ISOLATION : {} },
    );
    browserTest(
      `${name}: generates ${isolated ? 'with two threads' : 'on one thread, not isolated'}`,
      { names: ['chromium'], url: server.url },
      async ({ tab }) => {
        const result = await tab.run(
          60,
          'Generating',
          (url, options) => globalThis.generate(url, options),
          `/models/${file}`,
          { ...options, ...appOptions[name], ...(isolated ? { threads: 2 } : {}) },
        );
        assert.deepEqual(result, { tokens: expected, threads: isolated ? 2 : 1, warnings: [] });
      },
    );
  }
}

// Vite's development server serves each package from elsewhere than where its other files are.
const development = await vite.createServer({
  root: app,
  configFile: false,
  logLevel: 'error',
  publicDir: models,
  server: { host: '127.0.0.1', port: 0, headers: ISOLATION },
});
await development.listen();
after(() => development.close());
browserTest(
  "Vite's development server: generates with two threads",
  { names: ['chromium'], url: development.resolvedUrls.local[0] },
  async ({ tab }) => {
    await tab.page.waitForFunction(() => globalThis.generate, { timeout: 30_000 });
    const result = await tab.run(
      60,
      'Generating',
      (url, options) => globalThis.generate(url, options),
      `/${file}`,
      { ...options, threads: 2 },
    );
    assert.deepEqual(result, { tokens: expected, threads: 2, warnings: [] });
  },
);
