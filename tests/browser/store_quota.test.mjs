// Stores without room for a model, by a store's own error and by the browser's quota: the model works, the page is told what it
// needs and what there is, and no part of it stays behind.
import assert from 'node:assert/strict';

import { browserTest } from './support/browsers.mjs';
import { load, model, serveFile, serveLoading } from './support/loading.mjs';

const server = await serveLoading({
  // Nobody knows before the first error that there is no room.
  patch: `StorageManager.prototype.estimate = async () => ({});`,
});
/** Of a site, and what Firefox gives it of so many KiB. */
const quotaBytes = 10 << 20;
const prefs = { 'dom.quotaManager.temporaryStorage.fixedLimit': 20 << 10 };

/** In the page: loads with a store of the page's own that is full after `n` chunks; what came of it and what is left. */
async function loadIntoFullStore(n) {
  const { loadModel } = await import('/dist/browser/index.js');
  const { IndexedDbStore } = await import('/dist/store/indexeddb.js');
  const store = new IndexedDbStore('full');
  const writeChunk = store.writeChunk.bind(store);
  let writes = 0;
  store.writeChunk = async (...args) => {
    if (writes++ >= n) throw new DOMException('The quota is used up.', 'QuotaExceededError');
    await writeChunk(...args);
  };
  const options = { kernels: 'simd128', threads: 1, assets: '/tuned/', store };
  const model = await loadModel('/files/model.gguf', options);
  const { warnings } = await model.stats();
  await model.dispose();
  return { warnings, left: (await store.list()).length };
}

browserTest(
  "a page's own store that is full: works, says so, leaves nothing",
  { url: server.url, prefs },
  async ({ tab }) => {
    for (const n of [0, 6]) {
      serveFile('model.gguf');
      const what = `Loading, ${n} chunks`;
      const { warnings, left } = await tab.run(30, what, loadIntoFullStore, n);
      assert.match(warnings.join(), /could not be stored.*needs 373\.3 kB/);
      assert.equal(left, 0);
    }
  },
);

/** In the page: fills a quota but for `free` bytes. */
async function fillQuota(quota, free) {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry('junk').catch(() => {});
  const { usage } = await navigator.storage.estimate();
  const file = await root.getFileHandle('junk', { create: true });
  const stream = await file.createWritable();
  await stream.write(new Uint8Array(quota - usage - free));
  await stream.close();
}

for (const store of ['indexeddb', 'opfs']) {
  browserTest(
    `${store}: a quota that is used up, at ten sizes`,
    { url: server.url, prefs },
    async ({ tab, name }) => {
      if (name === 'chromium') {
        const session = await tab.page.createCDPSession();
        const origin = server.url.slice(0, -1);
        await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: quotaBytes });
      }
      serveFile('model.gguf');
      const { text } = await tab.run(30, 'Loading', load, 'model.gguf', { store: 'none' });
      for (let i = 0; i < 10; i++) {
        const free = Math.floor(((i + 0.5) * model.length) / 10);
        const what = `${free} bytes`;
        await tab.run(20, 'Filling', fillQuota, quotaBytes, free);
        // Every other one looks at the quota first.
        const options = { store, assets: i % 2 === 0 ? '/tuned/' : '/patched/' };
        const loaded = await tab.run(30, what, load, 'model.gguf', options);
        assert.equal(loaded.text, text, `${what}: ${loaded.message}`);
        // Firefox's IndexedDB cannot even be read without room.
        const warning =
          /could not be stored.*(needs 373\.3 kB, and there is (not enough|only [\d.]+ kB) left|has no room)/;
        assert.match(loaded.warnings.join(), warning, what);
        const left = await tab.run(10, 'Listing', listStored, store);
        assert.deepEqual(left, [], what);
      }
    },
  );
}

/** In the page: the models in the store, once there is room again to look. */
async function listStored(store) {
  const { listModels } = await import('/dist/browser/index.js');
  await (await navigator.storage.getDirectory()).removeEntry('junk');
  return listModels({ store });
}
