// Models from servers that misbehave, in real browsers: recovered or a typed error, stored once, and never wrong.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { browserTest } from './support/browsers.mjs';
import { CHUNK, load, model, models, serveFile, serveLoading } from './support/loading.mjs';

const server = await serveLoading({
  patch: `Object.defineProperty(self, 'indexedDB', { get() {
    throw new DOMException('The operation is insecure.', 'SecurityError');
  } });`,
});
const html = { body: '<!doctype html>', headers: { 'content-type': 'text/html' } };
const first = (answer) => (request) => (request.index === 0 ? answer : {});
const later = (answer) => (request) => (request.index > 0 ? answer : {});
const other = Buffer.from(model);
other[other.length - 9] ^= 1;

const loadIn = (tab, name, options) => tab.run(60, `Loading ${name}`, load, name, options);

/** What the model says, by a load without any fault. */
let expected;

const recoveries = [
  { name: 'no fault', answerOf: () => ({}) },
  { name: 'no ranges', answerOf: () => ({ ranges: false }) },
  { name: 'a drop', answerOf: first({ dropAfter: 1000 }) },
  {
    name: 'drops without ranges',
    answerOf: (request) => ({ ranges: false, ...first({ dropAfter: 50_000 })(request) }),
  },
  { name: 'a stall', answerOf: first({ stallAfter: 1000 }) },
  { name: 'status 503', answerOf: first({ status: 503, body: 'busy' }) },
  { name: '200 in place of 206', answerOf: later({ ranges: false }) },
  { name: 'a body that ends early', answerOf: first({ cutAfter: 1000 }) },
  { name: 'a compressed body', answerOf: () => ({ ranges: false, gzip: true }) },
  {
    name: 'another ETag in one answer',
    answerOf: (request) => (request.index === 3 ? { etag: '"2"' } : {}),
  },
];
browserTest('faults that pass', { url: server.url }, async ({ tab }) => {
  for (const { name, answerOf } of recoveries) {
    serveFile('model.gguf', answerOf);
    const { text, warnings, code, message } = await loadIn(tab, 'model.gguf');
    expected ??= text;
    assert.deepEqual(
      { text, warnings, code, message },
      { text: expected, warnings: [], code: undefined, message: undefined },
      name,
    );
    const gone = serveFile('model.gguf', () => ({ status: 500, body: 'gone' }));
    const again = await loadIn(tab, 'model.gguf');
    assert.deepEqual([again.text, gone.requests.length], [expected, 0], `${name}, again`);
    await tab.run(10, 'Deleting', async () => {
      const { deleteModel } = await import('/dist/browser/index.js');
      await deleteModel('/files/model.gguf');
    });
  }
});

const failures = [
  { name: 'status 404', answerOf: () => ({ status: 404, body: '' }), code: 'not_found' },
  { name: 'status 403', answerOf: () => ({ status: 403, body: '' }), code: 'network' },
  { name: 'a web page', answerOf: () => html, code: 'network' },
  { name: 'a web page, later', answerOf: later(html), code: 'network' },
  { name: 'drops for ever', answerOf: () => ({ dropAfter: 0 }), code: 'network' },
  { name: 'text', answerOf: () => ({ body: 'x'.repeat(40_000) }), code: 'invalid_file' },
  {
    name: 'wrong bytes',
    answerOf: () => ({ content: other }),
    code: 'invalid_file',
    expectedSha256: true,
  },
  {
    name: 'too few bytes',
    answerOf: () => ({ content: model.subarray(0, 200_000) }),
    code: 'truncated',
  },
];
browserTest('faults that stay', { url: server.url }, async ({ tab }) => {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256').update(model).digest('hex');
  for (const { name, answerOf, code, expectedSha256 } of failures) {
    const options = expectedSha256 ? { expectedSha256: hash } : {};
    serveFile('model.gguf', answerOf);
    const failed = await loadIn(tab, 'model.gguf', options);
    assert.equal(failed.code, code, `${name}: ${failed.message}`);
    const stored = await tab.run(10, 'Listing', async () => {
      const { listModels } = await import('/dist/browser/index.js');
      return listModels();
    });
    assert.ok(
      stored.every(({ complete }) => !complete),
      name,
    );
    serveFile('model.gguf');
    assert.equal(
      (await loadIn(tab, 'model.gguf', options)).text,
      expected,
      `${name}, then a good server`,
    );
    await tab.run(10, 'Deleting', async () => {
      const { deleteModel } = await import('/dist/browser/index.js');
      await deleteModel('/files/model.gguf');
    });
  }
});

browserTest(
  'an interrupted download goes on in another tab',
  { url: server.url },
  async ({ tab, open }) => {
    serveFile('model.gguf', () => ({ pauseMs: 40, stepBytes: 2048 }));
    assert.equal((await loadIn(tab, 'model.gguf', { abortAt: 3 * CHUNK })).code, 'cancelled');
    const rest = serveFile('model.gguf');
    const { text, progress } = await loadIn(await open(server.url), 'model.gguf');
    assert.equal(text, expected);
    assert.ok(rest.sent > 0 && rest.sent < model.length - CHUNK, `${rest.sent} bytes were missing`);
    const { loaded, total, downloaded } = progress.at(-1);
    assert.deepEqual([loaded, total], [model.length, model.length]);
    // The first tab's last requests may come to this file, too.
    assert.ok(downloaded > 0 && downloaded <= rest.sent, `${downloaded} of ${rest.sent} bytes`);
  },
);

browserTest('two tabs download once', { url: server.url }, async ({ tab, open }) => {
  const file = serveFile('model.gguf', () => ({ pauseMs: 5, stepBytes: 2048 }));
  const second = await open(server.url);
  const results = await Promise.all([tab, second].map((one) => loadIn(one, 'model.gguf')));
  assert.deepEqual(
    results.map(({ text }) => text),
    [expected, expected],
  );
  assert.equal(file.sent, model.length);
});

browserTest(
  'blocked IndexedDB: the model is kept as long as the page, with a warning',
  { url: server.url },
  async ({ tab }) => {
    const file = serveFile('model.gguf');
    for (let i = 0; i < 2; i++) {
      const { text, warnings } = await loadIn(tab, 'model.gguf', { assets: '/patched/' });
      assert.equal(text, expected);
      assert.match(warnings.join(), /could not be stored.*IndexedDB.*insecure/);
    }
    assert.equal(file.sent, model.length);
  },
);

for (const store of ['opfs', 'memory', 'indexeddb']) {
  browserTest(
    `${store}: a model is downloaded once, listed, verified and deleted`,
    { url: server.url },
    async ({ tab }) => {
      const file = serveFile('model.gguf');
      for (let i = 0; i < 2; i++)
        assert.equal((await loadIn(tab, 'model.gguf', { store })).text, expected);
      assert.equal(file.sent, model.length);
      const [listed, verified, left] = await tab.run(
        20,
        'Managing',
        async (store) => {
          const { listModels, verifyModel, deleteModel } = await import('/dist/browser/index.js');
          const listed = await listModels({ store });
          const verified = await verifyModel('/files/model.gguf', { store });
          await deleteModel('/files/model.gguf', { store });
          return [listed, verified, await listModels({ store })];
        },
        store,
      );
      const { url, size, storedBytes, complete } = listed[0];
      assert.deepEqual(
        [listed.length, url, size, storedBytes, complete],
        [1, `${server.url}files/model.gguf`, model.length, model.length, true],
      );
      assert.deepEqual(verified, { ok: true, badChunks: [] });
      assert.deepEqual(left, []);
    },
  );
}

browserTest(
  'a bit flipped at rest is found before use, and one chunk is fetched',
  { url: server.url },
  async ({ tab }) => {
    serveFile('model.gguf');
    await loadIn(tab, 'model.gguf');
    for (const index of [0, 7, Math.floor(model.length / CHUNK)]) {
      await tab.run(
        10,
        'Flipping a bit',
        async (index) => {
          const { IndexedDbStore } = await import('/dist/store/indexeddb.js');
          const store = new IndexedDbStore();
          const [manifest] = await store.list();
          const bytes = new Uint8Array(
            await (await store.readChunk(manifest.url, index)).arrayBuffer(),
          );
          bytes[bytes.length >> 1] ^= 4;
          await store.writeChunk(manifest, index, bytes);
          store.close();
        },
        index,
      );
      const file = serveFile('model.gguf');
      assert.equal((await loadIn(tab, 'model.gguf')).text, expected);
      assert.ok(
        file.requests.length > 0 &&
          file.requests.every(
            ({ start, end }) => start >= index * CHUNK && end <= (index + 1) * CHUNK,
          ),
      );
    }
  },
);

browserTest(
  'what the browser evicts is found missing and fetched again',
  { url: server.url },
  async ({ tab }) => {
    const missing = { 'a chunk': CHUNK, 'all chunks': model.length, 'the database': model.length };
    serveFile('model.gguf');
    await loadIn(tab, 'model.gguf');
    for (const [what, bytes] of Object.entries(missing)) {
      await tab.run(10, `Evicting ${what}`, evict, what);
      const file = serveFile('model.gguf');
      const { text, warnings } = await loadIn(tab, 'model.gguf');
      assert.deepEqual([text, warnings, file.sent], [expected, [], bytes], what);
    }
  },
);

/** In the page: takes something out of the store behind its back. */
async function evict(what) {
  const done = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  if (what === 'the database') {
    await done(indexedDB.deleteDatabase('pipit'));
    return;
  }
  const database = await done(indexedDB.open('pipit'));
  const chunks = database.transaction('chunks', 'readwrite').objectStore('chunks');
  const key = [`${globalThis.location.origin}/files/model.gguf`, 3];
  await done(what === 'a chunk' ? chunks.delete(key) : chunks.clear());
  database.close();
}

browserTest(
  'a file, a Blob, a stream, and an array of one',
  { url: server.url },
  async ({ tab }) => {
    serveFile('model.gguf');
    const texts = await tab.run(60, 'Loading', async () => {
      const { loadModel } = await import('/dist/browser/index.js');
      const fetched = async () => (await fetch('/files/model.gguf')).blob();
      const blob = await fetched();
      const texts = [];
      for (const source of [
        new File([blob], 'a.gguf'),
        blob,
        (await fetch('/files/model.gguf')).body,
        [blob],
      ]) {
        const model = await loadModel(source, { kernels: 'simd128', threads: 1 });
        texts.push(
          (
            await model.generate('the thing', { maxTokens: 4, ignoreEos: true, temperature: 0 })
              .result
          ).text,
        );
        await model.dispose();
      }
      return texts;
    });
    assert.deepEqual(texts, new Array(4).fill(expected));
  },
);

browserTest(
  'a split model, by one of its URLs and as files',
  { url: server.url },
  async ({ tab }) => {
    const names = [1, 2, 3].map((i) => `split-0000${i}-of-00003.gguf`);
    for (const name of names) serveFile(name, undefined, readFileSync(path.join(models, name)));
    const { text } = await loadIn(tab, names[1]);
    const texts = await tab.run(
      30,
      'Loading files',
      async (names) => {
        const { loadModel } = await import('/dist/browser/index.js');
        const parts = names.map(async (name) => (await fetch(`/files/${name}`)).blob());
        const model = await loadModel(await Promise.all(parts), { kernels: 'simd128', threads: 1 });
        const options = { maxTokens: 4, ignoreEos: true, temperature: 0 };
        const { text } = await model.generate('the thing', options).result;
        await model.dispose();
        return text;
      },
      names,
    );
    assert.ok(text.length > 0);
    assert.equal(texts, text);
  },
);
