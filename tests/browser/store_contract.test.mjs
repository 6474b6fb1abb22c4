// Every store that pipit has does what a ModelStore must: those of Node here, those of a browser in its page and worker.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { FilesStore } from '../../web/src/store/files.ts';
import { MemoryStore } from '../../web/src/store/memory.ts';
import { RemoteStore, serveStore } from '../../web/src/store/remote.ts';
import { sends } from '../../tools/lib/server.mjs';
import { browserTest, serveHere } from './support/browsers.mjs';
import { CONTRACT } from './support/store_contract.mjs';

const nodeStores = {
  memory: () => new MemoryStore(),
  files: (folder) => new FilesStore(folder),
  'one behind a port': () => new RemoteStore(serveStore(new MemoryStore())),
};
for (const [what, create] of Object.entries(nodeStores)) {
  for (const { name, run } of CONTRACT) {
    test(`${what}, in Node: ${name}`, async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'pipit-store-'));
      const store = create(folder);
      try {
        await run(store, assert.deepEqual);
      } finally {
        store.close();
        await rm(folder, { recursive: true });
      }
    });
  }
}

const server = await serveHere({
  '/support/': fileURLToPath(new URL('support', import.meta.url)),
  '/worker.js': sends(`(${runContract})(self.name).then(postMessage)`),
});

/** In a page or a worker: "" or what is wrong, for every case of the contract. */
async function runContract(kind) {
  const { CONTRACT } = await import('/support/store_contract.mjs');
  const { IndexedDbStore } = await import('/dist/store/indexeddb.js');
  const { OpfsStore } = await import('/dist/store/opfs.js');
  const { MemoryStore } = await import('/dist/store/memory.js');
  const { RemoteStore, serveStore } = await import('/dist/store/remote.js');
  const create = {
    indexeddb: (name) => new IndexedDbStore(name),
    opfs: (name) => new OpfsStore(name),
    port: (name) => new RemoteStore(serveStore(new IndexedDbStore(name))),
    memory: () => new MemoryStore(),
  }[kind];
  const same = (actual, expected) => {
    const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
    if (a !== b) throw new Error(`${a} in place of ${b}`);
  };
  const results = [];
  for (const { name, run } of CONTRACT) {
    const store = create(`contract-${self.document ? 'page' : 'worker'}-${kind}-${results.length}`);
    try {
      await run(store, same);
      results.push({ name, wrong: '' });
    } catch (error) {
      results.push({ name, wrong: String(error) });
    }
    store.close();
  }
  return results;
}

const runInWorker = (kind) =>
  new Promise((resolve, reject) => {
    const worker = new Worker('/worker.js', { name: kind });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });

for (const kind of ['indexeddb', 'opfs', 'port', 'memory']) {
  for (const [where, run] of Object.entries({ page: runContract, worker: runInWorker })) {
    browserTest(`${kind} in a ${where}`, { url: server.url }, async ({ tab }) => {
      const results = await tab.run(60, 'The contract', run, kind);
      assert.equal(results.length, CONTRACT.length);
      assert.deepEqual(
        results.filter(({ wrong }) => wrong !== ''),
        [],
      );
    });
  }
}
