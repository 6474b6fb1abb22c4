// Memory: where there is too little of it, an error says so and pipit works on; what a model took is given back.
import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { sends } from '../../tools/lib/server.mjs';
import { MODEL, makeTinyModels } from '../golden/support.ts';
import { browserTest, serveHere } from './support/browsers.mjs';

const modelFile = path.resolve(`models/cache/${MODEL}.gguf`);
const script = await readFile('dist/browser/worker.js', 'utf8');
/** A browser that gives a module so many bytes, as phones do. */
const limitBytes = 20 << 20;
const limited = `{
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (nPages) {
    if (this.buffer.byteLength + nPages * 65536 > ${limitBytes}) throw new RangeError('no more memory');
    return grow.call(this, nPages);
  };
}`;
const server = await serveHere({
  '/models/': makeTinyModels(),
  '/model.gguf': modelFile,
  '/limited/worker.js': sends(limited + script),
  '/limited/wasm/': path.resolve('dist/browser/wasm'),
});

for (const threads of [1, 2]) {
  browserTest(
    `models that are too large, threads: ${threads}`,
    { url: server.url },
    async ({ tab }) => {
      const outcomes = await tab.run(
        60,
        'Loading',
        async (threads) => {
          const { loadModel } = await import('/dist/browser/index.js');
          const load = (model, options) =>
            loadModel(model, { threads, ...options }).then(
              (model) => model.dispose().then(() => 'loaded'),
              ({ code, message }) => `${code}: ${message}`,
            );
          return [
            // As a stream, whose length is not known: the file ends behind its header.
            await load((await fetch('/models/huge.gguf')).body),
            await load('/model.gguf', { assets: '/limited/' }),
            await load('/models/tiny-q4_0.gguf', { assets: '/limited/' }),
          ];
        },
        threads,
      );
      const full =
        /^out_of_memory: Not enough memory for the model's weights, which take (\d+) bytes/;
      assert.match(outcomes[0], full);
      assert.ok(Number(full.exec(outcomes[0])[1]) > 2 ** 32);
      assert.match(outcomes[1], full);
      assert.equal(outcomes[2], 'loaded');
    },
  );

  browserTest(
    `contexts that are too large, threads: ${threads}`,
    { url: server.url },
    async ({ tab }) => {
      const result = await tab.run(
        60,
        'Filling the memory',
        async (threads) => {
          const { loadModel } = await import('/dist/browser/index.js');
          const options = { threads, kvType: 'f32', kernels: 'simd128', assets: '/limited/' };
          const model = await loadModel('/models/tiny-rope-yarn.gguf', options);
          const answer = async (session) => {
            const { tokens } = await session.generate('the thing', {
              maxTokens: 4,
              ignoreEos: true,
              temperature: 0,
            }).result;
            return tokens.join();
          };
          const first = await model.createSession({ nCtx: 1 << 20 });
          const expected = await answer(first);
          const sessions = [];
          let error;
          while (!error && sessions.length < 1000) {
            await model
              .createSession({ nCtx: 1 << 20 })
              .then(async (session) => {
                sessions.push(session);
                await answer(session);
              })
              .catch((failure) => (error = failure));
          }
          const stillThere = await answer(first);
          for (const session of sessions) await session.dispose();
          const again = await answer(await model.createSession());
          const { wasmMemoryBytes } = await model.stats();
          await model.dispose();
          const { code, message } = error;
          return { code, message, expected, stillThere, again, wasmMemoryBytes };
        },
        threads,
      );
      assert.equal(result.code, 'out_of_memory');
      assert.match(
        result.message,
        /^Not enough memory for \d+ .*choose a smaller model or context/,
      );
      assert.deepEqual([result.stillThere, result.again], [result.expected, result.expected]);
      assert.ok(result.wasmMemoryBytes <= limitBytes);
    },
  );
}

/** Of the process `root` and all that it has started, in bytes. */
async function memoryOf(root) {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid, name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  const processes = await Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      parent: Number((await read(pid, 'stat')).replace(/^.*\) . /s, '').split(' ')[0]),
      bytes: 4096 * Number((await read(pid, 'statm')).split(' ')[1] ?? 0),
    })),
  );
  const tree = new Set([root]);
  for (let n = 0; n < tree.size;) {
    n = tree.size;
    for (const { pid, parent } of processes) if (tree.has(parent)) tree.add(pid);
  }
  return processes.filter(({ pid }) => tree.has(pid)).reduce((sum, { bytes }) => sum + bytes, 0);
}

browserTest('six models one after another', { url: server.url }, async ({ tab, diagnose }) => {
  const { page } = tab;
  const use = () =>
    tab.run(60, 'A model', async () => {
      const { loadModel } = await import('/dist/browser/index.js');
      const model = await loadModel('/model.gguf');
      await model.generate('the', { maxTokens: 4 }).result;
      await model.dispose();
    });
  const measure = () => memoryOf(page.browser().process().pid);
  await use();
  // Chromium gives threads that wait in Wasm two seconds before it ends them.
  await sleep(4000);
  const first = await measure();
  for (let i = 0; i < 5; i++) await use();
  const { size } = await stat(modelFile);
  let last = await measure();
  for (let i = 0; (last > first + size / 2 || page.workers().length > 0) && i < 20; i++) {
    await sleep(500);
    last = await measure();
  }
  diagnose(
    `the browser has ${(first / 1e6).toFixed()} MB after one, ${(last / 1e6).toFixed()} MB after six`,
  );
  assert.ok(last <= first + size / 2, `${last - first} bytes more than after the first`);
  assert.deepEqual(page.workers(), []);
});
