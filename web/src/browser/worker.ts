// The worker in a browser: the neutral worker with fetched files and Blobs as sources and the Wasm module beside it.
import { type WasmModule, WasmEngine } from '../engine.ts';
import { PipitError } from '../errors.ts';
import type { FromWorker, ToWorker } from '../protocol.ts';
import { ModelWorker } from '../worker.ts';
import { type BrowserSource, openSource } from './source.ts';

type CreateModule = () => Promise<WasmModule>;

/** What is used of a DedicatedWorkerGlobalScope, which TypeScript's DOM types do not have. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: (event: MessageEvent<ToWorker<BrowserSource>>) => void;
}

async function createEngine(): Promise<WasmEngine> {
  try {
    const url = new URL('../wasm/pipit-simd128.mjs', import.meta.url);
    const module = (await import(url.href)) as { default: CreateModule };
    return new WasmEngine(await module.default());
  } catch (error) {
    throw PipitError.from(error, 'unsupported', 'The Wasm module cannot be started: ');
  }
}

// A message to oneself comes after those that have arrived; a timer would wait for 4 ms.
const { port1, port2 } = new MessageChannel();

function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });
}

const scope = globalThis as unknown as WorkerScope;
const worker = new ModelWorker<BrowserSource>({
  post: (message, transfer = []) => scope.postMessage(message, transfer),
  createEngine,
  openSource,
  nextTask,
});
scope.onmessage = ({ data }) => worker.receive(data);
