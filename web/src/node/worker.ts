// The worker thread in Node: the neutral worker with files as sources and the Wasm module beside it.
import { parentPort } from 'node:worker_threads';

import { type WasmModule, WasmEngine } from '../engine.ts';
import { PipitError } from '../errors.ts';
import type { ToWorker } from '../protocol.ts';
import { ModelWorker } from '../worker.ts';
import { type FileSource, openFile } from './file_source.ts';

type CreateModule = () => Promise<WasmModule>;

async function createEngine(): Promise<WasmEngine> {
  try {
    const url = new URL('../wasm/pipit-simd128.mjs', import.meta.url);
    const module = (await import(url.href)) as { default: CreateModule };
    return new WasmEngine(await module.default());
  } catch (error) {
    throw PipitError.from(error, 'unsupported', 'The Wasm module cannot be started: ');
  }
}

const port = parentPort;
if (!port) throw new Error('pipit: node/worker.js is a worker thread and cannot be run by itself');

const worker = new ModelWorker<FileSource>({
  post: (message, transfer = []) => port.postMessage(message, transfer),
  createEngine,
  openSource: openFile,
  nextTask: () => new Promise((resolve) => setImmediate(resolve)),
});
port.on('message', (message: ToWorker<FileSource>) => worker.receive(message));
