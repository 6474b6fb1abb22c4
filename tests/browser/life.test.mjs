// The worker's end: however it comes, everything that waits is told within a second, nothing stays behind, and the page
// can load a model again.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { sends } from '../../tools/lib/server.mjs';
import { makeTinyModels } from '../golden/support.ts';
import { browserTest, serveHere } from './support/browsers.mjs';

const script = await readFile('dist/browser/worker.js', 'utf8');
/** Lets the page end a worker from within: 'worker' or 'thread', and how. A thread that computes hears nothing. */
const doors = `{
  const me = self.name.startsWith('em-pthread') ? 'thread' : 'worker';
  new BroadcastChannel('door').onmessage = ({ data: { who, how } }) => {
    if (who !== me) return;
    if (how === 'closes') self.close();
    else if (how === 'throws') setTimeout(() => { throw new Error('a planted error'); });
    else void Promise.reject(new Error('a planted error'));
  };
}`;
/** A thread whose first call into Wasm fails, for which the worker, in Wasm itself, waits without end. */
const crash = `if (self.name.startsWith('em-pthread')) {
  WebAssembly.Table.prototype.get = () => () => { throw new Error('a planted error'); };
}`;
const server = await serveHere({
  '/models/': makeTinyModels(),
  '/dist/browser/worker.js': sends(doors + script),
  '/crashing/worker.js': sends(crash + script),
  '/crashing/wasm/': path.resolve('dist/browser/wasm'),
  // Downloads that never begin, and never go on.
  '/silent': () => {},
  '/stalled': (_, response) => response.writeHead(200, { 'Content-Length': 1e6 }).flushHeaders(),
});
const url = '/models/tiny-q4_0.gguf';

/** Puts what the functions below need into the page. */
async function prepare({ run }) {
  await run(10, 'Preparing', async () => {
    const workers = [];
    globalThis.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        workers.push(this);
      }
    };
    const door = new BroadcastChannel('door');
    const { loadModel } = await import('/dist/browser/index.js');
    const failure = (promise) =>
      promise.then(
        () => 'no error',
        ({ name, code }) => `${name} ${code}`,
      );
    Object.assign(globalThis, { workers, door, loadModel, failure });
  });
}

const deaths = [
  { who: 'worker', how: 'closes' },
  { who: 'worker', how: 'throws' },
  { who: 'worker', how: 'is terminated' },
  { who: 'thread', how: 'closes' },
  { who: 'thread', how: 'throws' },
  { who: 'thread', how: 'rejects' },
];
const moments = {
  'while it loads': async (url, { who, how }) => {
    const { workers, door, loadModel, failure } = globalThis;
    const pending = [failure(loadModel('/silent', { threads: 2 }))];
    await new Promise((resolve) => setTimeout(resolve, 1000)); // the threads have started
    const start = performance.now();
    if (how === 'is terminated') workers[0].terminate();
    else door.postMessage({ who, how });
    return { outcomes: await Promise.all(pending), ms: performance.now() - start };
  },
  'while requests wait': async (url, { who, how }) => {
    const { workers, door, loadModel, failure } = globalThis;
    const model = await loadModel(url, { threads: 1 });
    const tokens = Array.from({ length: 100 }, (_, i) => i);
    const rows = model.logits(tokens);
    await rows.next(); // the next rows wait for their reader
    const session = await model.createSession({ nCtx: 32, whenFull: 'slide' });
    const endless = session.generate('the', { ignoreEos: true, maxTokens: 1e9 });
    const readAll = async () => {
      for await (const _ of endless);
    };
    const pending = [endless.result, readAll(), session.generate('a').result].map(failure);
    const start = performance.now();
    if (how === 'is terminated') workers[0].terminate();
    else door.postMessage({ who, how });
    const outcomes = await Promise.all(pending);
    const ms = performance.now() - start;
    outcomes.push(await failure(rows.next().then(() => rows.next())));
    outcomes.push(await failure(model.stats()));
    await model.dispose();
    return { outcomes, ms };
  },
};

for (const death of deaths) {
  for (const [moment, die] of Object.entries(moments)) {
    // A thread without work hears nothing, and one thread has no others.
    if (death.who === 'thread' && moment !== 'while it loads') continue;
    browserTest(
      `a ${death.who} that ${death.how} ${moment}`,
      { url: server.url },
      async ({ tab, errors }) => {
        await prepare(tab);
        const { outcomes, ms } = await tab.run(60, 'A death', die, url, death);
        assert.deepEqual(new Set(outcomes), new Set(['PipitError worker_died']));
        assert.ok(ms <= 1000, `the page was told after ${ms} ms`);
        const n = await tab.run(60, 'Loading again', generateOnce, url);
        assert.equal(n, 3);
        // Puppeteer hears of them, whoever catches them.
        const others = errors.splice(0).filter((text) => !text.includes('a planted error'));
        assert.deepEqual(others, []);
      },
    );
  }
}

browserTest(
  'a thread that crashes while the worker waits for it',
  { url: server.url },
  async ({ tab, errors }) => {
    await prepare(tab);
    const load = (url) =>
      globalThis.failure(globalThis.loadModel(url, { threads: 2, assets: '/crashing' }));
    assert.equal(await tab.run(20, 'A death', load, url), 'PipitError worker_died');
    errors.length = 0; // the planted one, which puppeteer hears of
  },
);

async function generateOnce(url) {
  const model = await globalThis.loadModel(url, { threads: 2 });
  const { tokens } = await model.generate('the', { maxTokens: 3, ignoreEos: true }).result;
  await model.dispose();
  return tokens.length;
}

const disposals = {
  'before the worker has started': async (url) => {
    const stop = new AbortController();
    const load = globalThis.loadModel(url, { threads: 2, signal: stop.signal });
    stop.abort();
    return [await globalThis.failure(load)];
  },
  'during a download': async () => {
    const stop = new AbortController();
    const load = globalThis.loadModel('/stalled', { threads: 2, signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 500));
    stop.abort();
    return [await globalThis.failure(load)];
  },
  'during a prefill': async (url) => {
    const model = await globalThis.loadModel(url, { threads: 2 });
    const { promise, resolve } = Promise.withResolvers();
    const tokens = Array.from({ length: 100 }, (_, i) => i); // several chunks
    const stream = model.generate(tokens, { onPrefill: resolve });
    await promise;
    await model.dispose();
    return [await globalThis.failure(stream.result)];
  },
  'between tokens': async (url) => {
    const model = await globalThis.loadModel(url, { threads: 2 });
    const stream = model.generate('the', { ignoreEos: true, maxTokens: -1 });
    await stream.next();
    await model.dispose();
    return [await globalThis.failure(stream.result), await globalThis.failure(model.stats())];
  },
};
for (const [moment, dispose] of Object.entries(disposals)) {
  browserTest(`disposed of ${moment}`, { url: server.url }, async ({ tab }) => {
    await prepare(tab);
    const outcomes = await tab.run(60, 'A disposal', dispose, url);
    assert.deepEqual(new Set(outcomes), new Set(['PipitError cancelled']));
    await noWorkers(tab);
  });
}

/** Waits until the page has no workers, also none that other workers have started. */
async function noWorkers({ page }) {
  const end = Date.now() + 10_000;
  while (page.workers().length > 0 && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(
    page.workers().map((worker) => worker.url()),
    [],
  );
}

browserTest(
  'fifty models one after another leave no workers behind',
  { url: server.url, names: ['chromium'] },
  async ({ tab }) => {
    await prepare(tab);
    for (let i = 1; i <= 50; i++)
      assert.equal(await tab.run(60, `Model ${i}`, generateOnce, url), 3);
    // Chromium gives threads that wait in Wasm two seconds before it ends them.
    await noWorkers(tab);
  },
);
