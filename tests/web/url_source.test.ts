// Files from servers that misbehave: the bytes are right or there is a typed error, and nothing wrong is ever ready.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';

import type { Tuning } from '../../web/src/load/tuning.ts';
import { type UrlOptions, openUrl } from '../../web/src/load/url_source.ts';
import { MemoryStore } from '../../web/src/store/memory.ts';
import { Sha256 } from '../../web/src/store/sha256.ts';
import { type Manifest, type ModelStore, parseManifest } from '../../web/src/store/store.ts';
import { type AnswerOf, FaultyFile } from '../browser/support/faulty_server.ts';
import { rejectsWith } from './support/expect.ts';

const CHUNK = 4096;
const tuning: Tuning = { chunkBytes: CHUNK, lanes: 4, stallMs: 150, attempts: 3, retryMs: 1 };
const content = Uint8Array.from({ length: 10 * CHUNK + 100 }, (_, i) => (i * 31 + (i >> 8)) % 251);
content.set(Buffer.from('GGUF'));
const other = content.map((byte, i) => (i < 4 ? byte : 255 - byte));
const sha256 = createHash('sha256').update(content).digest('hex');

let file = new FaultyFile(content);
const server = createServer((request, response) => void file.route(request, response));
let url = '';

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

interface Loaded {
  bytes: Uint8Array;
  size: number;
  downloaded: number;
  warnings: string[];
}

/** Reads the whole file; with `stopAfter` only so many parts. */
async function load(
  store: ModelStore | undefined,
  options: Partial<UrlOptions> = {},
  stopAfter = Infinity,
): Promise<Loaded> {
  let downloaded = 0;
  const warnings: string[] = [];
  const source = await openUrl(url, {
    store,
    expectedSha256: undefined,
    fallback: undefined,
    newHash: () => new Sha256(),
    signal: new AbortController().signal,
    tuning,
    onDownloaded: (n) => (downloaded += n),
    onWaiting: () => {},
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  try {
    const { size } = source;
    const parts: Uint8Array[] = [];
    for await (const part of source.parts()) if (parts.push(part) >= stopAfter) break;
    return { bytes: Buffer.concat(parts), size, downloaded, warnings };
  } finally {
    await source.close();
  }
}

async function manifestOf(store: ModelStore): Promise<Manifest | undefined> {
  return parseManifest(await store.readManifest(url));
}

/** A store that holds the whole file, with what `damage` did to it. */
async function filledStore(
  damage: (store: ModelStore) => Promise<void> = async () => {},
): Promise<MemoryStore> {
  const store = new MemoryStore();
  file = new FaultyFile(content);
  await load(store);
  await damage(store);
  file = new FaultyFile(content);
  return store;
}

function assertContent(actual: Uint8Array, expected: Uint8Array = content): void {
  assert.ok(Buffer.from(expected).equals(actual), 'the bytes are those of the file');
}

const firstOnly =
  (answer: ReturnType<AnswerOf>): AnswerOf =>
  ({ index }) =>
    index === 0 ? answer : {};
const laterOnly =
  (answer: ReturnType<AnswerOf>): AnswerOf =>
  ({ index }) =>
    index > 0 ? answer : {};

const recoveries: { name: string; answerOf: AnswerOf; size?: number; isStored?: boolean }[] = [
  { name: 'a good server', answerOf: () => ({}) },
  { name: 'a server that knows no ranges', answerOf: () => ({ ranges: false }) },
  { name: 'no ETag and no Last-Modified', answerOf: () => ({ etag: null }) },
  {
    name: 'a drop in every third answer',
    answerOf: ({ index }) => (index % 3 === 0 ? { dropAfter: 500 } : {}),
  },
  { name: 'a drop before the first byte', answerOf: firstOnly({ dropAfter: 0 }) },
  {
    name: 'drops without ranges',
    answerOf: ({ index }) => ({
      ranges: false,
      ...(index < 2 ? { dropAfter: 9000 * (index + 1) } : {}),
    }),
  },
  { name: 'a stall', answerOf: firstOnly({ stallAfter: 100 }) },
  {
    name: 'status 500, then 503',
    answerOf: ({ index }) => (index < 2 ? { status: [500, 503][index]!, body: 'no' } : {}),
  },
  {
    name: 'status 429 with Retry-After',
    answerOf: firstOnly({ status: 429, body: 'slow', headers: { 'retry-after': '0' } }),
  },
  { name: '200 in place of 206, later', answerOf: laterOnly({ ranges: false }) },
  {
    name: 'answers that end too early',
    answerOf: ({ index }) => (index % 2 === 0 ? { cutAfter: 700 } : {}),
  },
  {
    name: 'a weak ETag of the same file',
    answerOf: ({ index }) => ({ etag: index % 2 ? '"1"' : 'W/"1"' }),
  },
  { name: 'a hidden Content-Range', answerOf: () => ({ headers: { 'content-range': '' } }) },
  { name: 'an unknown length', answerOf: () => ({ ranges: false, cutAfter: Infinity }), size: 0 },
  {
    name: 'a compressed answer, whose length is not the size',
    answerOf: () => ({ ranges: false, gzip: true }),
    size: 0,
  },
];
for (const { name, answerOf, size = content.length } of recoveries) {
  for (const storing of [true, false]) {
    test(`${name}, ${storing ? 'stored' : 'not stored'}: the whole file comes`, async () => {
      file = new FaultyFile(content, answerOf);
      const store = storing ? new MemoryStore() : undefined;
      const loaded = await load(store);
      assertContent(loaded.bytes);
      assert.equal(loaded.size, size);
      assert.deepEqual(loaded.warnings, []);
      if (!store) return;
      assert.equal((await manifestOf(store))!.complete, true);
      file = new FaultyFile(content, () => ({ status: 500 }));
      assertContent((await load(store)).bytes);
      assert.equal(file.requests.length, 0, 'a stored file needs no server');
    });
  }
}

const page = '<!doctype html><title>Sign in</title>';
const html = { body: page, headers: { 'content-type': 'text/html; charset=utf-8' } };
const failures: { name: string; answerOf: AnswerOf; code: string; message: RegExp }[] = [
  {
    name: 'status 404',
    answerOf: () => ({ status: 404, body: 'no' }),
    code: 'not_found',
    message: /status 404/,
  },
  {
    name: 'status 403',
    answerOf: () => ({ status: 403, body: 'no' }),
    code: 'network',
    message: /status 403/,
  },
  {
    name: 'status 500 for ever',
    answerOf: () => ({ status: 500, body: 'no' }),
    code: 'network',
    message: /status 500.*3 times/,
  },
  { name: 'a web page', answerOf: () => html, code: 'network', message: /web page/ },
  { name: 'a web page, later', answerOf: laterOnly(html), code: 'network', message: /web page/ },
  {
    name: 'a server that always drops',
    answerOf: () => ({ dropAfter: 0 }),
    code: 'network',
    message: /connection was lost|empty answer/,
  },
  {
    name: 'a server that always stalls',
    answerOf: () => ({ stallAfter: 0 }),
    code: 'network',
    message: /sent nothing/,
  },
  {
    name: 'a server that drops at the same place, without ranges',
    answerOf: () => ({ ranges: false, dropAfter: 9000 }),
    code: 'network',
    message: /times in a row/,
  },
  {
    name: 'another ETag in every answer',
    answerOf: ({ index }) => ({ etag: `"${index}"` }),
    code: 'network',
    message: /changed on the server/,
  },
  {
    name: 'another length in a later answer',
    answerOf: laterOnly({ content: content.subarray(0, 9 * CHUNK) }),
    code: 'network',
    message: /changed on the server/,
  },
];
for (const { name, answerOf, code, message } of failures) {
  test(`${name}: ${code}, and the file is not ready`, async () => {
    file = new FaultyFile(content, answerOf);
    const store = new MemoryStore();
    await rejectsWith(load(store), code, message);
    assert.notEqual((await manifestOf(store))?.complete, true);
    file = new FaultyFile(content);
    assertContent((await load(store)).bytes);
  });
}

test('a server that cannot be reached: network', async () => {
  const reachable = url;
  url = 'http://127.0.0.1:1/model.gguf';
  try {
    await rejectsWith(load(undefined), 'network', /127\.0\.0\.1:1.*no connection/);
  } finally {
    url = reachable;
  }
});

test('what is no GGUF file is given to the engine, which says what it is, but not stored', async () => {
  const text = new Uint8Array(3 * CHUNK).fill(32);
  file = new FaultyFile(text);
  const store = new MemoryStore();
  assertContent((await load(store)).bytes, text);
  assert.deepEqual(await store.list(), []);
});

for (const ranges of [true, false]) {
  test(`an interrupted download goes on, ranges: ${ranges}`, async () => {
    file = new FaultyFile(content, () => ({ ranges }));
    const store = new MemoryStore();
    await load(store, {}, 5);
    const stored = (await manifestOf(store))!.chunks.filter((hash) => hash !== null).length;
    assert.ok(stored >= 4, `${stored} chunks are stored`);
    const second = new FaultyFile(content, () => ({ ranges }));
    file = second;
    const { bytes, downloaded } = await load(store);
    assertContent(bytes);
    const missing = content.length - stored * CHUNK;
    assert.ok(downloaded <= (ranges ? missing : content.length), `${downloaded} of ${missing}`);
    assert.ok(!ranges || second.requests.every(({ start }) => start >= stored * CHUNK));
  });
}

const changes: { name: string; answer: ReturnType<AnswerOf> }[] = [
  { name: 'another ETag', answer: { etag: '"2"', content: other } },
  {
    name: 'another Last-Modified',
    answer: { content: other, headers: { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' } },
  },
  { name: 'another size', answer: { etag: null, content: other.subarray(0, 5 * CHUNK) } },
  {
    name: 'another ETag in an answer with status 200',
    answer: { etag: '"2"', content: other, ranges: false },
  },
];
for (const { name, answer } of changes) {
  test(`a file that changed before the download went on (${name}) is loaded anew`, async () => {
    const store = new MemoryStore();
    const lastModified = { 'last-modified': 'Wed, 31 Dec 2025 00:00:00 GMT' };
    file = new FaultyFile(content, () => ({ headers: lastModified }));
    await load(store, {}, 3);
    file = new FaultyFile(content, () => ({ headers: lastModified, ...answer }));
    assertContent((await load(store)).bytes, answer.content);
    assert.equal((await manifestOf(store))!.complete, true);
  });
}

test('a web page in place of the rest leaves what is stored', async () => {
  const store = new MemoryStore();
  file = new FaultyFile(content);
  await load(store, {}, 5);
  const before = await manifestOf(store);
  file = new FaultyFile(content, () => html);
  await rejectsWith(load(store), 'network', /web page/);
  assert.deepEqual((await manifestOf(store))!.chunks, before!.chunks);
});

/** Flips a bit of a chunk. */
const flip =
  (index: number) =>
  async (store: ModelStore): Promise<void> => {
    const chunk = (await store.readChunk(url, index)) as Blob;
    const bytes = new Uint8Array(await chunk.arrayBuffer());
    bytes[index * 7]! ^= 1;
    await store.writeChunk((await manifestOf(store))!, index, bytes);
  };
for (const index of [0, 4, 10]) {
  test(`a bit flipped in stored chunk ${index} is found, and only that chunk fetched again`, async () => {
    const store = await filledStore(flip(index));
    // Another ETag does not matter: the chunk's hash is known.
    file = new FaultyFile(content, () => ({ etag: '"2"' }));
    assertContent((await load(store)).bytes);
    assert.ok(file.requests.length > 0);
    for (const { start, end } of file.requests) {
      assert.ok(start >= index * CHUNK && end <= (index + 1) * CHUNK, `${start}-${end}`);
    }
    file = new FaultyFile(content);
    await load(store);
    assert.equal(file.requests.length, 0, 'it was mended');
  });
}

test('a damaged chunk that the server has no longer is never used', async () => {
  const store = await filledStore(flip(4));
  file = new FaultyFile(other);
  await rejectsWith(load(store), 'network', /changed on the server/);
  assert.deepEqual(await store.list(), []);
});

const manifests: { name: string; change: (manifest: Manifest) => unknown }[] = [
  { name: 'of an unknown version', change: (manifest) => ({ ...manifest, version: 2 }) },
  { name: 'without chunks', change: ({ chunks: _, ...manifest }) => manifest },
  {
    name: 'with a chunk too few',
    change: (manifest) => ({ ...manifest, chunks: manifest.chunks.slice(1) }),
  },
  {
    name: 'that is complete without a chunk',
    change: (m) => ({ ...m, chunks: m.chunks.with(0, null) }),
  },
  { name: 'with a size that is no number', change: (manifest) => ({ ...manifest, size: 'large' }) },
  { name: 'of another file', change: (manifest) => ({ ...manifest, url: 'https://example.org/' }) },
  { name: 'that is a text', change: () => 'manifest' },
];
for (const { name, change } of manifests) {
  test(`a manifest ${name} means fetching anew`, async () => {
    const store = await filledStore();
    const manifest = change((await manifestOf(store))!);
    const changed = Object.create(store, {
      readManifest: {
        value: () => Promise.resolve(file.requests.length > 0 ? undefined : manifest),
      },
      writeManifest: { value: () => Promise.resolve() },
      writeChunk: { value: () => Promise.resolve() },
      estimate: { value: () => Promise.resolve() },
      delete: { value: () => Promise.resolve() },
    }) as ModelStore;
    assertContent((await load(changed)).bytes);
    assert.equal(
      file.requests.reduce((sum, { sent }) => sum + sent, 0),
      content.length,
    );
  });
}

test('expectedSha256: the right file is loaded, its hash kept', async () => {
  const store = new MemoryStore();
  file = new FaultyFile(content);
  assertContent((await load(store, { expectedSha256: sha256 })).bytes);
  assert.equal((await manifestOf(store))!.sha256, sha256);
});

test('expectedSha256: wrong bytes of the right length are refused and not kept', async () => {
  const store = new MemoryStore();
  file = new FaultyFile(other);
  await rejectsWith(load(store, { expectedSha256: sha256 }), 'invalid_file', /SHA-256/);
  assert.deepEqual(await store.list(), []);
});

for (const first of [undefined, createHash('sha256').update(other).digest('hex')]) {
  test(`expectedSha256: another file in the store (${first ? 'of known hash' : 'unchecked'}) is replaced`, async () => {
    const store = new MemoryStore();
    file = new FaultyFile(other);
    await load(store, { expectedSha256: first });
    file = new FaultyFile(content);
    if (!first) await rejectsWith(load(store, { expectedSha256: sha256 }), 'network', /changed/);
    assertContent((await load(store, { expectedSha256: sha256 })).bytes);
    assert.equal((await manifestOf(store))!.sha256, sha256);
  });
}

/** A store whose room ends at write number `n`. */
function fullAfter(n: number): MemoryStore {
  const store = new MemoryStore();
  const writeChunk = store.writeChunk.bind(store);
  let writes = 0;
  store.writeChunk = (...args) =>
    writes++ < n
      ? writeChunk(...args)
      : Promise.reject(new DOMException('no room', 'QuotaExceededError'));
  // What the browser would give, of a disk that does not have it.
  store.estimate = () => Promise.resolve({ usage: 0, quota: 1e9 }) as never;
  return store;
}
for (let n = 0; n <= 10; n++) {
  test(`no room for chunk ${n}: loads without storing, says so, and leaves nothing behind`, async () => {
    const store = fullAfter(n);
    file = new FaultyFile(content);
    const { bytes, warnings } = await load(store);
    assertContent(bytes);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /could not be stored.*needs 41\.1 kB, and there is not enough left/);
    assert.deepEqual(await store.list(), []);
  });
}

test('no room by the estimate: nothing is stored, and the warning says how much there is', async () => {
  const store = new MemoryStore();
  store.estimate = () => Promise.resolve({ usage: 90_000, quota: 100_000 }) as never;
  file = new FaultyFile(content);
  const { bytes, warnings } = await load(store);
  assertContent(bytes);
  assert.match(warnings.join(), /needs 41\.1 kB.*only 10\.0 kB/);
  assert.deepEqual(await store.list(), []);
});

for (const fallback of [undefined, new MemoryStore()]) {
  const instead = fallback ? 'with another in its place' : 'without it';
  test(`a store that cannot be used at all: loads ${instead}, with a warning`, async () => {
    const broken = new Proxy({} as ModelStore, {
      get: (_, name) => (name === 'name' ? 'broken' : () => Promise.reject(new Error('blocked'))),
    });
    for (const isFirst of [true, false]) {
      file = new FaultyFile(content);
      const { bytes, warnings } = await load(broken, { fallback });
      assertContent(bytes);
      assert.equal(file.sent > 0, isFirst || !fallback);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /could not be stored.*blocked/);
    }
  });
}

test('two loads at once download once', async () => {
  const store = new MemoryStore();
  file = new FaultyFile(content, () => ({ pauseMs: 5, stepBytes: 256 }));
  const waits: number[] = [];
  const loads = [1, 2].map(() => load(store, { onWaiting: (stored) => waits.push(stored) }));
  for (const { bytes } of await Promise.all(loads)) assertContent(bytes);
  assert.equal(file.sent, content.length);
});

test('an abort at any time rejects as cancelled and leaves what goes on', async () => {
  const store = new MemoryStore();
  for (const ms of [0, 5, 20, 40, 60]) {
    file = new FaultyFile(content, () => ({ pauseMs: 2, stepBytes: 200 }));
    const signal = AbortSignal.timeout(ms);
    await load(store, { signal }).then(
      ({ bytes }) => assertContent(bytes),
      (error: { code: string }) => assert.equal(error.code, 'cancelled'),
    );
  }
  file = new FaultyFile(content);
  assertContent((await load(store)).bytes);
});
