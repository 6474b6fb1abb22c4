// wllama on a page in headless Chromium. Every call has a time limit: a browser that hangs must
// not hang the benchmark.
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import puppeteer from 'puppeteer-core';

const wllamaFolder = fileURLToPath(new URL('node_modules/@wllama/wllama/esm', import.meta.url));
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const mimeTypes = { '.js': 'text/javascript', '.wasm': 'application/wasm' };

function withLimit(promise, seconds, what) {
  let timer;
  const limit = new Promise((_, reject) => {
    const error = new Error(`${what} took more than ${seconds} s.`);
    timer = setTimeout(() => reject(error), seconds * 1000);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

// Serves an empty page, wllama's own files and the model, on this machine only.
async function serve(modelPath) {
  const server = createServer(async (request, response) => {
    if (request.url === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>peers');
      return;
    }
    const path = request.url === '/model.gguf' ? modelPath : join(wllamaFolder, request.url);
    if (!existsSync(path)) {
      response.writeHead(404).end();
      return;
    }
    const { size } = await stat(path);
    const type = mimeTypes[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': size });
    createReadStream(path).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

// Loads the model into wllama with one thread. run(prompt, nGen) answers llama.cpp's own timings.
export async function openWllama({ modelPath, nCtx, chromium = '/usr/bin/chromium' }) {
  const server = await serve(modelPath);
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: flags,
    timeout: 60_000,
  });
  const close = async () => {
    await withLimit(browser.close(), 30, 'Closing Chromium').catch(() => browser.process()?.kill());
    server.close();
  };
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`, { timeout: 30_000 });
    const load = page.evaluate(async (nCtx) => {
      const { Wllama, LoggerWithoutDebug } = await import('/index.js');
      const wllama = new Wllama({ default: '/wasm/wllama.wasm' }, { logger: LoggerWithoutDebug });
      const model = await (await fetch('/model.gguf')).blob();
      const start = performance.now();
      await wllama.loadModel([model], {
        n_threads: 1,
        n_gpu_layers: 0,
        n_ctx: nCtx,
        n_parallel: 1,
      });
      globalThis.wllama = wllama;
      return { loadMs: performance.now() - start, threads: wllama.getNumThreads() };
    }, nCtx);
    const { loadMs, threads } = await withLimit(load, 120, 'Loading the model in wllama');
    if (threads !== 1) throw new Error(`wllama uses ${threads} threads, expected 1.`);
    const run = (prompt, nGen) =>
      withLimit(
        page.evaluate(
          async (prompt, nGen) => {
            const options = { prompt, max_tokens: nGen, temperature: 0, cache_prompt: false };
            return (await globalThis.wllama.createCompletion(options)).timings;
          },
          prompt,
          nGen,
        ),
        300,
        'A completion in wllama',
      );
    return { loadMs, version: await browser.version(), run, close };
  } catch (error) {
    await close();
    throw error;
  }
}
