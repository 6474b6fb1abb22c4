// The worker thread in Node: the neutral worker with files as sources.
import { parentPort } from 'node:worker_threads';

import type { Build } from '../builds.ts';
import type { WasmModule } from '../engine.ts';
import type { ToWorker } from '../protocol.ts';
import { startEngine } from '../start_engine.ts';
import { ModelWorker } from '../worker.ts';
import { type FileSource, openFile } from './file_source.ts';

const port = parentPort;
if (!port) throw new Error('pipit: node/worker.js is a worker thread and cannot be run by itself');

type Create = (options: { pthreadPoolSize: number }) => Promise<WasmModule>;

/** The modules are those of the browser, beside what a page fetches. */
async function createModule({ name, threads }: Build): Promise<WasmModule> {
  const url = new URL(`../browser/wasm/${name}.mjs`, import.meta.url);
  const { default: create } = (await import(url.href)) as { default: Create };
  return create({ pthreadPoolSize: threads - 1 });
}

const worker = new ModelWorker<FileSource>({
  post: (message, transfer = []) => port.postMessage(message, transfer),
  startEngine: (wishes) => startEngine(wishes, createModule),
  openSource: openFile,
  nextTask: () => new Promise((resolve) => setImmediate(resolve)),
});
port.on('message', (message: ToWorker<FileSource>) => worker.receive(message));
