// Loads whose worker, or one of its threads, is terminated at random moments, also before its script has run: the page is told
// within a second, and the next load finds a store that works.
import assert from 'node:assert/strict';

import { browserTest } from './support/browsers.mjs';
import { load, serveFile, serveLoading } from './support/loading.mjs';

const server = await serveLoading();
const nKills = 12;

/** In the page: what became of a load whose worker number `which` is terminated after `ms`, and how soon that was known. */
async function killLoad(url, store, which, ms) {
  const { loadModel } = await import('/dist/browser/index.js');
  const { Worker } = globalThis;
  const workers = [];
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      workers.push(this);
    }
  };
  const loading = loadModel(url, { threads: 3, store, assets: '/tuned/' }).then(
    (model) => model.dispose().then(() => 'loaded'),
    ({ code }) => code,
  );
  await new Promise((resolve) => setTimeout(resolve, ms));
  const killed = performance.now();
  workers[which % workers.length].terminate();
  const outcome = await loading;
  globalThis.Worker = Worker;
  return { outcome, ms: performance.now() - killed };
}

for (const store of ['indexeddb', 'opfs']) {
  browserTest(`${store}: ${nKills} loads that are killed`, { url: server.url }, async ({ tab }) => {
    for (let i = 0; i < nKills; i++) {
      const name = `${i}.gguf`;
      serveFile(name, () => ({ pauseMs: 4, stepBytes: 4096 }));
      // A third of them while the workers start.
      const after = Math.random() * (i % 3 === 0 ? 60 : 500);
      const what = `worker ${i % 4} after ${after.toFixed(1)} ms`;
      const url = `/files/${name}`;
      const { outcome, ms } = await tab.run(30, what, killLoad, url, store, i % 4, after);
      if (outcome !== 'loaded') {
        assert.equal(outcome, 'worker_died', what);
        assert.ok(ms <= 1000, `${what}: the page was told after ${ms} ms`);
      }
      serveFile(name);
      const { code, warnings } = await tab.run(30, `${what}, again`, load, name, { store });
      assert.deepEqual([code, warnings], [undefined, []], what);
    }
  });
}
