// The built demo page for tests, served with the model at a limited speed.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

import { buildDemo } from '../../../tools/build-demo.mjs';
import { modelPath } from '../../../tools/fetch-model.mjs';
import { Throttle, sendFile } from '../../../tools/lib/server.mjs';
import { serveDemo } from '../../../tools/serve-demo.mjs';

export { DemoPage } from '../../../tools/lib/demo_page.mjs';

const MODEL = 'smollm2-135m-instruct-q4_1';
export const MODEL_FILE = modelPath(MODEL);
/** A base model, without a chat template. */
export const BASE_MODEL_FILE = modelPath('gemma-3-270m-q4_k_m');

/** The page, built into a folder that goes with the tests of this file. */
export async function buildHere() {
  const folder = await mkdtemp(path.join(tmpdir(), 'pipit-demo-'));
  after(() => rm(folder, { recursive: true }));
  await buildDemo({ out: folder, modelBase: 'models/' });
  return folder;
}

/**
 * Serves the page with its headers, and the model at `bytesPerSecond`. Answers what serve() does, with `requests`: the
 * paths that were asked for, and `sent()`: how many bytes of the model have gone out.
 */
export async function serveWithModel(folder, bytesPerSecond) {
  const requests = [];
  const stats = await stat(MODEL_FILE);
  const throttle = new Throttle(bytesPerSecond);
  const server = await serveDemo(folder, 0, {
    [`/models/${MODEL}.gguf`]: (request, response) => {
      requests.push(request.url);
      sendFile(MODEL_FILE, stats, request, response, throttle);
    },
  });
  return { ...server, requests, sent: () => throttle.bytes };
}
