// Node's loadModel() of URLs and split models: downloaded once into the cache folder, then loaded from there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { deleteModel, listModels, loadModel, storageEstimate, verifyModel } from 'pipit';
import { FaultyFile } from '../browser/support/faulty_server.ts';
import { makeTinyModels } from '../golden/support.ts';
import { rejectsWith } from './support/expect.ts';

const folder = makeTinyModels();
const cache = await mkdtemp(join(tmpdir(), 'pipit-cache-'));
process.env.PIPIT_CACHE = cache;

const files = new Map<string, FaultyFile>();
const server = createServer((request, response) => {
  const name = basename(request.url!.split('?')[0]!);
  if (!files.has(name)) files.set(name, new FaultyFile(readFileSync(join(folder, name))));
  void files.get(name)!.route(request, response);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(cache, { recursive: true });
});

const sentBytes = (): number => [...files.values()].reduce((sum, { sent }) => sum + sent, 0);

async function logitsOf(model: string | URL, options = {}): Promise<number[]> {
  await using loaded = await loadModel(model, { kernels: 'simd128', kvType: 'f32', ...options });
  const logits: number[] = [];
  for await (const chunk of loaded.logits([1, 2, 3])) logits.push(...chunk.logits);
  return logits;
}

const expected = await logitsOf(join(folder, 'tiny-f16.gguf'));

test('a URL is downloaded once, then read from the cache', async () => {
  const url = new URL(`${root}/tiny-f16.gguf?download=true`);
  const progress: { loaded: number; total: number; downloaded: number }[] = [];
  const { size } = { size: readFileSync(join(folder, 'tiny-f16.gguf')).length };
  const onProgress = (step: (typeof progress)[0]): number => progress.push(step);
  assert.deepEqual(await logitsOf(url, { onProgress }), expected);
  assert.deepEqual(progress.at(-1), { loaded: size, total: size, downloaded: size });
  const sent = sentBytes();
  assert.deepEqual(await logitsOf(url), expected);
  assert.equal(sentBytes(), sent);
  const [stored] = await listModels();
  assert.deepEqual([stored!.url, stored!.size, stored!.complete], [url.href, size, true]);
  assert.deepEqual(await verifyModel(url), { ok: true, badChunks: [] });
  assert.ok((await storageEstimate()).quota > 0);
  await deleteModel(url);
  assert.deepEqual(await listModels(), []);
});

for (const number of ['00001', '00003']) {
  test(`a split model loads by the path and by the URL of file ${number}`, async () => {
    const name = `split-${number}-of-00003.gguf`;
    assert.deepEqual(await logitsOf(join(folder, name)), expected);
    assert.deepEqual(await logitsOf(`${root}/${name}`), expected);
    const stored = await listModels();
    assert.deepEqual(
      stored.map(({ complete }) => complete),
      [true, true, true],
    );
    for (const { url } of stored) await deleteModel(url);
  });
}

test('what is no URL of a file', async () => {
  await rejectsWith(loadModel(new URL('ftp://example.org/a.gguf')), 'invalid_argument', /http/);
  await rejectsWith(loadModel(`${root}/tiny-f16.gguf`, { store: 'opfs' }), 'invalid_argument');
  await rejectsWith(verifyModel(`${root}/never.gguf`), 'not_found');
  const expectedSha256 = 'f'.repeat(64);
  await rejectsWith(loadModel(`${root}/tiny-f16.gguf`, { expectedSha256 }), 'invalid_file');
  assert.deepEqual(await listModels(), []);
});

test('the command line takes a URL', async () => {
  const cli = new URL('../../dist/node/cli.js', import.meta.url).pathname;
  const args = [cli, 'complete', `${root}/tiny-f16.gguf`, '--prompt', 'the', '--max-tokens', '2'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.ok(stdout.length > 0);
  assert.equal((await listModels()).length, 1);
});
