// What the tests of loading share: a tiny model behind a server that misbehaves, and a worker with small chunks.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { bundle } from '../../../tools/bundle.mjs';
import { sends } from '../../../tools/lib/server.mjs';
import { makeTinyModels } from '../../golden/support.ts';
import { serveHere } from './browsers.mjs';
import { FaultyFile } from './faulty_server.ts';

/** Of the worker in /tuned/ and of everything else here. */
export const CHUNK = 16_384;

const here = path.dirname(fileURLToPath(import.meta.url));

export const models = makeTinyModels();
export const model = readFileSync(path.join(models, 'tiny-rope-yarn.gguf'));

/** The faulty files by their names; a test makes those that it needs. */
const files = new Map();

/** A model file at /files/NAME that answers as `answerOf` says. */
export function serveFile(name, answerOf, content = model) {
  const file = new FaultyFile(content, answerOf);
  files.set(`/files/${name}`, file);
  return file;
}

/**
 * A page with the faulty files, the built package, and pipit's worker with small chunks in /tuned/; in /patched/ the same
 * after the script `patch`.
 */
export async function serveLoading({ patch = '' } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'pipit-worker-'));
  after(() => rm(folder, { recursive: true }));
  await bundle([{ in: path.join(here, 'tuned_worker.ts'), out: 'worker' }], folder);
  const worker = readFileSync(path.join(folder, 'worker.js'), 'utf8');
  const wasm = path.resolve(here, '../../../dist/browser/wasm');
  return serveHere({
    '/tuned/worker.js': sends(worker),
    '/tuned/wasm/': wasm,
    '/patched/worker.js': sends(patch + worker),
    '/patched/wasm/': wasm,
    '/support/': here,
    '/files/': (request, response) => {
      const { pathname } = new URL(request.url, 'http://localhost');
      return files.get(pathname)?.route(request, response) ?? response.writeHead(404).end();
    },
  });
}

/**
 * In the page: loads a model and answers what came of it, { text, warnings, progress } or { code, message }. After
 * `abortAt` bytes from the network it is cancelled.
 */
export async function load(name, { assets = '/tuned/', abortAt = Infinity, ...options } = {}) {
  const { loadModel } = await import('/dist/browser/index.js');
  const abort = new AbortController();
  const progress = [];
  try {
    const model = await loadModel(`/files/${name}`, {
      kernels: 'simd128',
      threads: 1,
      assets,
      signal: abort.signal,
      onProgress: (step) => {
        progress.push(step);
        if (step.downloaded >= abortAt) abort.abort();
      },
      ...options,
    });
    const { text } = await model.generate('the thing', {
      maxTokens: 4,
      ignoreEos: true,
      temperature: 0,
    }).result;
    const { warnings } = await model.stats();
    await model.dispose();
    return { text, warnings, progress };
  } catch (error) {
    return { code: error.code ?? String(error), message: error.message };
  }
}
