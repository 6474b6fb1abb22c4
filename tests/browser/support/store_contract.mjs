// What every ModelStore must do, as a table that runs in Node and in a page alike.

const url = 'https://example.org/a/model.gguf?download=true';
const other = 'https://example.org/a/model.gguf';

function manifestOf(name, chunks) {
  return {
    version: 1,
    url: name,
    etag: '"abc"',
    lastModified: null,
    size: 10,
    chunkBytes: 4,
    chunks,
    sha256: null,
    complete: false,
    created: 1,
    lastUsed: 2,
  };
}

async function bytesOf(chunk) {
  if (chunk === undefined) return undefined;
  return chunk instanceof Blob ? new Uint8Array(await chunk.arrayBuffer()) : chunk;
}

/** name, run(store, same): throws what is wrong. `same(actual, expected)` compares as JSON does. */
export const CONTRACT = [
  {
    name: 'an empty store has nothing',
    async run(store, same) {
      same(await store.readManifest(url), undefined);
      same(await store.readChunk(url, 0), undefined);
      same(await store.list(), []);
      await store.delete(url);
    },
  },
  {
    name: 'a manifest comes back as it was written, and is replaced by the next',
    async run(store, same) {
      const manifest = manifestOf(url, ['a', null, null]);
      await store.writeManifest(manifest);
      manifest.chunks[1] = 'changed afterwards';
      same(await store.readManifest(url), manifestOf(url, ['a', null, null]));
      await store.writeManifest({ ...manifest, lastUsed: 3 });
      same((await store.readManifest(url)).lastUsed, 3);
      same((await store.list()).length, 1);
    },
  },
  {
    name: 'a chunk comes with the manifest that lists it; writing it again replaces it',
    async run(store, same) {
      await store.writeChunk(manifestOf(url, [null, 'b', null]), 1, new Uint8Array([5, 6, 7, 8]));
      same(await store.readManifest(url), manifestOf(url, [null, 'b', null]));
      same([...(await bytesOf(await store.readChunk(url, 1)))], [5, 6, 7, 8]);
      same(await store.readChunk(url, 0), undefined);
      await store.writeChunk(manifestOf(url, [null, 'c', null]), 1, new Uint8Array([9]));
      same([...(await bytesOf(await store.readChunk(url, 1)))], [9]);
    },
  },
  {
    name: 'a part of a larger buffer is stored, and no more of it',
    async run(store, same) {
      const buffer = new Uint8Array([1, 2, 3, 4, 5, 6]);
      await store.writeChunk(manifestOf(url, ['a', null, null]), 0, buffer.subarray(2, 4));
      buffer.fill(0);
      same([...(await bytesOf(await store.readChunk(url, 0)))], [3, 4]);
    },
  },
  {
    name: 'chunks of a megabyte, several at once, keep their places',
    async run(store, same) {
      const chunks = [0, 1, 2, 3].map((i) => new Uint8Array(1 << 20).fill(i + 1));
      const manifest = manifestOf(url, ['a', 'b', 'c', 'd']);
      await Promise.all(chunks.map((chunk, i) => store.writeChunk(manifest, i, chunk)));
      const back = await Promise.all(chunks.map((_, i) => store.readChunk(url, i).then(bytesOf)));
      same(
        back.map((bytes) => [bytes.length, bytes[0], bytes.at(-1)]),
        chunks.map((bytes) => [bytes.length, bytes[0], bytes[0]]),
      );
    },
  },
  {
    name: 'files are told apart by their URLs, and deleting one leaves the others',
    async run(store, same) {
      await store.writeChunk(manifestOf(url, ['a', null, null]), 0, new Uint8Array([1]));
      await store.writeChunk(manifestOf(other, ['b', null, null]), 0, new Uint8Array([2]));
      same((await store.list()).map((manifest) => manifest.url).sort(), [other, url]);
      await store.delete(url);
      same(await store.readManifest(url), undefined);
      same(await store.readChunk(url, 0), undefined);
      same([...(await bytesOf(await store.readChunk(other, 0)))], [2]);
    },
  },
  {
    name: 'an estimate is undefined or two numbers',
    async run(store, same) {
      const estimate = await store.estimate();
      if (estimate === undefined) return;
      same([typeof estimate.usage, typeof estimate.quota], ['number', 'number']);
      same(estimate.usage >= 0 && estimate.quota > 0, true);
    },
  },
];
