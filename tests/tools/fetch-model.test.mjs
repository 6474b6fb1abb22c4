// tools/fetch-model.mjs against a local server: what is not exactly the model never lies where the model belongs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { catalog, fetchModel, FetchModelError, modelPath } from '../../tools/fetch-model.mjs';

const content = Buffer.alloc(3_000_000, 'pipit');
const damaged = Buffer.from(content);
damaged[1_500_000] ^= 1;

let server;
let cacheDir;
let requests;

/** Answers of the server by path. */
const answers = {
  '/good': (response) => response.end(content),
  '/damaged': (response) => response.end(damaged),
  '/short': (response) => response.end(content.subarray(0, -1)),
  '/long': (response) => response.end(Buffer.concat([content, content])),
  '/page': (response) => response.end('<html>Please log in</html>'),
  '/missing': (response) => response.writeHead(404).end('no such file'),
  '/dropped': (response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1_000_000), () => response.destroy());
  },
  '/stalled': (response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1_000_000));
  },
};

before(async () => {
  server = createServer((request, response) => {
    requests += 1;
    answers[request.url](response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(async (context) => {
  requests = 0;
  cacheDir = await mkdtemp(path.join(tmpdir(), 'pipit-fetch-'));
  context.after(() => rm(cacheDir, { recursive: true }));
});

function fetchFrom(url, options = {}) {
  const model = {
    id: 'small',
    url: url && `http://127.0.0.1:${server.address().port}${url}`,
    python_packages: [],
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
  return fetchModel('small', { cacheDir, models: [model], ...options });
}

const cached = () => path.join(cacheDir, 'small.gguf');

const failures = [
  ['another content of the same size', '/damaged', /SHA-256/],
  ['one byte too few', '/short', /2,999,999 bytes, not the 3,000,000/],
  ['too many bytes', '/long', /more than the 3,000,000 bytes/],
  ['a page in place of the file', '/page', /26 bytes/],
  ['a missing file', '/missing', /answers 404/],
  ['a connection that breaks', '/dropped', /cannot download/],
  ['no source at all', null, /knows none/],
];
for (const [name, url, message] of failures) {
  test(`${name} is an error and leaves nothing behind`, async () => {
    await assert.rejects(fetchFrom(url), (error) => {
      assert(error instanceof FetchModelError);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(await readdir(cacheDir), []);
  });
}

test('a good file is kept without hashing or fetching it again', async () => {
  assert.deepEqual(await fetchFrom('/good'), { path: cached(), fetched: true });
  const phases = new Set();
  const onProgress = ({ phase }) => phases.add(phase);
  assert.deepEqual(await fetchFrom('/good', { onProgress }), { path: cached(), fetched: false });
  assert.deepEqual([...phases], []);
  await fetchFrom('/good', { onProgress, verify: true });
  assert.deepEqual([...phases], ['verify']);
  assert.equal(requests, 1);
  assert.deepEqual(await readFile(cached()), content);
});

test('a file that someone else put there is hashed once', async () => {
  await writeFile(cached(), content);
  assert.equal((await fetchFrom('/good')).fetched, false);
  assert.equal(requests, 0);
});

const damages = [
  ['changed', false, () => writeFile(cached(), damaged)],
  ['truncated', false, () => writeFile(cached(), content.subarray(0, 1000))],
  [
    'changed under the same time, with verify',
    true,
    async () => {
      const { atime, mtime } = await stat(cached());
      await writeFile(cached(), damaged);
      await utimes(cached(), atime, mtime);
    },
  ],
];
for (const [name, verify, damage] of damages) {
  test(`a file that was ${name} is fetched again`, async () => {
    await fetchFrom('/good');
    await damage();
    assert.equal((await fetchFrom('/good', { verify })).fetched, true);
    assert.deepEqual(await readFile(cached()), content);
  });
}

test('a damaged file stays where it is, unused, until a good one can replace it', async () => {
  await writeFile(cached(), damaged);
  await assert.rejects(fetchFrom('/missing'), FetchModelError);
  assert.deepEqual(await readFile(cached()), damaged);
  assert.equal((await fetchFrom('/good')).fetched, true);
});

test('cancelling stops a stalled download and leaves nothing behind', async () => {
  const cancel = new AbortController();
  const onProgress = ({ phase }) => phase === 'download' && cancel.abort();
  const result = fetchFrom('/stalled', { signal: cancel.signal, onProgress });
  await assert.rejects(result, /cancelled/);
  assert.deepEqual(await readdir(cacheDir), []);
});

test('what a killed process left behind is removed, what a living one is writing is not', async () => {
  await mkdir(path.join(cacheDir, 'small.fetch-999999999-dead'));
  await mkdir(path.join(cacheDir, `small.fetch-${process.pid}-alive`));
  await fetchFrom('/good');
  const left = (await readdir(cacheDir)).sort();
  assert.deepEqual(left, [`small.fetch-${process.pid}-alive`, 'small.gguf', 'small.gguf.checked']);
});

test('an unknown id names the known ones', async () => {
  await assert.rejects(
    fetchModel('nothing', { cacheDir }),
    /smollm2-135m-instruct-q4_1, gemma-3-270m-q4_k_m/,
  );
});

test('modelPath gives the place of a catalogue id and leaves a path alone', () => {
  assert.equal(path.basename(modelPath('gemma-3-270m-q4_k_m')), 'gemma-3-270m-q4_k_m.gguf');
  assert.equal(modelPath('elsewhere/a.gguf'), 'elsewhere/a.gguf');
});

test('the catalogue is complete', () => {
  for (const model of catalog()) {
    assert.match(model.id, /^[a-z0-9_.-]+$/);
    assert.match(model.sha256, /^[0-9a-f]{64}$/);
    assert(model.title && model.licence && Number.isSafeInteger(model.bytes));
    assert(model.url === null || new URL(model.url).protocol === 'https:');
    assert(model.url !== null || model.python_packages.length > 0);
    assert('chat_template' in model);
    for (const carrier of model.python_packages) assert.match(carrier.sha256, /^[0-9a-f]{64}$/);
  }
});
