// The worker in a browser: the neutral worker with fetched files and Blobs as sources.
import type { FromWorker, ToWorker } from '../protocol.ts';
import { startEngine } from '../start_engine.ts';
import { ModelWorker } from '../worker.ts';
import { type BrowserSource, openSource } from './source.ts';

/** What is used of a DedicatedWorkerGlobalScope, which TypeScript's DOM types do not have. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: (event: MessageEvent<ToWorker<BrowserSource>>) => void;
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
  startEngine,
  openSource,
  nextTask,
});
scope.onmessage = ({ data }) => worker.receive(data);
