// wllama on a page in headless Chromium.
import { fileURLToPath } from 'node:url';

import { openPage } from '../../tools/lib/browser.mjs';
import { serve } from '../../tools/lib/server.mjs';

const folder = fileURLToPath(new URL('node_modules/@wllama/wllama/esm', import.meta.url));

// Loads the model into wllama. run(prompt, nGen) answers llama.cpp's own timings.
export async function openWllama({ modelPath, nCtx, threads, settings, chromium }) {
  const server = await serve({ '/wllama/': folder });
  const page = await openPage({
    name: 'chromium',
    executablePath: chromium,
    url: server.url,
  }).catch((error) => {
    server.close();
    throw error;
  });
  const close = async () => {
    await page.close();
    server.close();
  };
  try {
    await page.setFile(modelPath);
    const { loadMs, used } = await page.run(
      120,
      'Loading the model in wllama',
      async (options) => {
        const { Wllama, LoggerWithoutDebug } = await import('/wllama/index.js');
        const paths = { default: '/wllama/wasm/wllama.wasm' };
        const wllama = new Wllama(paths, { logger: LoggerWithoutDebug });
        const [file] = globalThis.document.querySelector('input').files;
        const start = performance.now();
        await wllama.loadModel([file], options);
        globalThis.wllama = wllama;
        return { loadMs: performance.now() - start, used: wllama.getNumThreads() };
      },
      { n_threads: threads, n_gpu_layers: 0, n_ctx: nCtx, n_parallel: 1, ...settings },
    );
    if (used !== threads) throw new Error(`wllama uses ${used} threads, expected ${threads}.`);
    const run = (prompt, nGen) =>
      page.run(
        300,
        'A completion in wllama',
        async (prompt, nGen) => {
          const options = { prompt, max_tokens: nGen, temperature: 0, cache_prompt: false };
          return (await globalThis.wllama.createCompletion(options)).timings;
        },
        prompt,
        nGen,
      );
    return { loadMs, version: page.version, run, close };
  } catch (error) {
    await close();
    throw error;
  }
}
