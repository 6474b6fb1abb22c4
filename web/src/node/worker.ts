// The worker thread in Node: the neutral worker with files and URLs as sources.
import { parentPort } from 'node:worker_threads';

import type { Build } from '../builds.ts';
import type { WasmModule } from '../engine.ts';
import { type CommonSource, openCommon, sizeOfCommon } from '../load/open.ts';
import { TUNING } from '../load/tuning.ts';
import type { ToWorker } from '../protocol.ts';
import { startEngine } from '../start_engine.ts';
import { ModelWorker } from '../worker.ts';
import { type FileSource, openFile, sizeOfFile } from './file_source.ts';
import { openStore } from './stores.ts';

type NodeSource = FileSource | CommonSource;

const port = parentPort;
if (!port) throw new Error('pipit: node/worker.js is a worker thread and cannot be run by itself');

type Create = (options: { pthreadPoolSize: number }) => Promise<WasmModule>;

/** The modules are those of the browser, beside what a page fetches. */
async function loadModule({ name, threads }: Build): Promise<() => Promise<WasmModule>> {
  const url = new URL(`../browser/wasm/${name}.mjs`, import.meta.url);
  const { default: create } = (await import(url.href)) as { default: Create };
  return () => create({ pthreadPoolSize: threads - 1 });
}

const worker = new ModelWorker<NodeSource>({
  post: (message, transfer = []) => port.postMessage(message, transfer),
  startEngine: (wishes) => startEngine(wishes, loadModule),
  tuning: TUNING,
  openStore,
  openSource: (source, options) =>
    'path' in source ? openFile(source) : openCommon(source, options),
  sizeOf: async (source, options) =>
    'path' in source ? sizeOfFile(source) : await sizeOfCommon(source, options),
  nextTask: () => new Promise((resolve) => setImmediate(resolve)),
});
port.on('message', (message: ToWorker<NodeSource>) => worker.receive(message));
