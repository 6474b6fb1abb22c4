// Downloads that end without a word: the worker terminated, the page left or its tab killed, at random moments. The next one
// goes on, ends with the same bytes, and fetches at most one chunk a second time.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { sends } from '../../tools/lib/server.mjs';
import { browserTest, serveHere } from './support/browsers.mjs';
import { FaultyFile } from './support/faulty_server.ts';

const CHUNK = 16_384;
const content = Buffer.alloc(9 * CHUNK + 1000);
for (let i = 0; i < content.length; i++) content[i] = (i * 7 + (i >> 9)) % 251;
content.write('GGUF');
const sha256 = createHash('sha256').update(content).digest('hex');

/** By their paths. */
const files = new Map();
const server = await serveHere({
  '/stores.js': sends(`
      import { IndexedDbStore } from '/dist/store/indexeddb.js';
      import { OpfsStore } from '/dist/store/opfs.js';
      export const storeOf = (name) => (name === 'opfs' ? new OpfsStore() : new IndexedDbStore());`),
  '/files/': (request, response) => files.get(request.url).route(request, response),
  '/worker.js': sends(`
      import { openUrl } from '/dist/load/url_source.js';
      import { storeOf } from '/stores.js';
      onmessage = async ({ data: { url, store } }) => {
        const source = await openUrl(url, {
          store: storeOf(store),
          signal: new AbortController().signal,
          tuning: { chunkBytes: ${CHUNK}, lanes: 4, stallMs: 5000, attempts: 3, retryMs: 20 },
          onDownloaded() {},
          onWaiting() {},
          onWarning: (warning) => reportError(new Error(warning)),
        });
        for await (const _ of source.parts());
        await source.close();
        postMessage('done');
      };`),
});

/** In the page: downloads in a worker; killDownload() ends it. */
async function download(url, store) {
  const worker = new Worker('/worker.js', { type: 'module' });
  globalThis.downloads ??= new Map();
  globalThis.downloads.set(url, worker);
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ url, store });
  });
  worker.terminate();
}

function killDownload(url) {
  globalThis.downloads.get(url).terminate();
}

/** In the page: SHA-256 of what is stored. */
async function hashStored(url, storeName) {
  const { storeOf } = await import('/stores.js');
  const { parseManifest } = await import('/dist/store/store.js');
  const { Sha256 } = await import('/dist/store/sha256.js');
  const store = storeOf(storeName);
  const manifest = parseManifest(await store.readManifest(url));
  const hash = new Sha256();
  for (let i = 0; manifest?.complete && i < manifest.chunks.length; i++) {
    hash.update(new Uint8Array(await (await store.readChunk(url, i)).arrayBuffer()));
  }
  store.close();
  return hash.digest();
}

/** The chunks of which `requests` got every byte. */
function wholeChunks(requests) {
  const bytes = new Map();
  for (const { start, sent } of requests) {
    const index = Math.floor(start / CHUNK);
    bytes.set(index, (bytes.get(index) ?? 0) + sent);
  }
  const length = (index) => Math.min(CHUNK, content.length - index * CHUNK);
  return [...bytes].filter(([index, n]) => n >= length(index)).map(([index]) => index);
}

let nTrials = 0;

/** A download in `victim`, which `kill(victim, url)` ends at a random moment, and the one that goes on, in `tab`. */
async function interruptAndGoOn(tab, victim, store, kill) {
  const path = `/files/${nTrials++}.gguf`;
  const url = new URL(path, server.url).href;
  const at = Math.floor(Math.random() * content.length);
  const what = `killed at byte ${at}`;
  const first = new FaultyFile(content, () => ({ pauseMs: 40, stepBytes: 4096 }));
  files.set(path, first);
  victim.run(60, 'A download', download, url, store).catch(() => {}); // it never ends
  while (first.sent < at) await sleep(1);
  await kill(victim, url);
  const second = new FaultyFile(content);
  files.set(path, second);
  await tab.run(30, 'Going on', download, url, store);
  assert.equal(await tab.run(20, 'Hashing', hashStored, url, store), sha256, what);
  const again = new Set(second.requests.map(({ start }) => Math.floor(start / CHUNK)));
  const twice = wholeChunks(first.requests).filter((index) => again.has(index));
  assert.ok(twice.length <= 1, `${what}: the chunks ${twice} were fetched twice`);
  return first.sent < content.length;
}

const kills = [
  {
    what: 'a worker that is terminated',
    n: 38,
    kill: ({ run }, url) => run(30, 'Ending', killDownload, url),
  },
  {
    what: 'a worker that is terminated',
    store: 'opfs',
    n: 18,
    kill: ({ run }, url) => run(30, 'Ending', killDownload, url),
  },
  { what: 'a page that is left', n: 6, kill: ({ page }) => page.goto('about:blank') },
  { what: 'a tab that is closed', n: 6, kill: ({ page }) => page.close() },
  {
    what: 'a renderer that is killed',
    n: 6,
    names: ['chromium'], // puppeteer knows how to do this there only
    kill: async ({ page }) => {
      const session = await page.createCDPSession();
      session.send('Page.crash').catch(() => {});
    },
  },
];
for (const { what, store = 'indexeddb', n, names, kill } of kills) {
  browserTest(
    `${store}: ${what}, ${n} times`,
    { url: server.url, names },
    async ({ tab, open, errors }) => {
      let interrupted = 0;
      for (let i = 0; i < n; i += 6) {
        const trials = Array.from({ length: Math.min(6, n - i) }, async () => {
          const victim = what.includes('worker') ? tab : await open(server.url);
          return interruptAndGoOn(tab, victim, store, kill);
        });
        interrupted += (await Promise.all(trials)).filter(Boolean).length;
      }
      assert.ok(interrupted > n / 4, `only ${interrupted} of ${n} downloads were interrupted`);
      // What a page complains of as it ends is no news here.
      const isEnd = (error) => /crashed|may not load data/.test(error);
      errors.splice(0, errors.length, ...errors.filter((error) => !isEnd(error)));
    },
  );
}
