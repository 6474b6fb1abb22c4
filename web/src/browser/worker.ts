// The worker in a browser: the neutral worker with fetched files and Blobs as sources; or one of its threads.
import type { FromWorker, ToWorker } from '../protocol.ts';
import { startEngine } from '../start_engine.ts';
import { ModelWorker } from '../worker.ts';
import { Lifeline } from './lifeline.ts';
import { createModule } from './modules.ts';
import { type BrowserSource, openSource } from './source.ts';
import { isThread, listenToThreads, proveThreadLife } from './thread.ts';

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

function work(): void {
  const worker = new ModelWorker<BrowserSource>({
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    startEngine: (wishes) => startEngine(wishes, createModule),
    openSource,
    nextTask,
  });
  scope.onmessage = ({ ports: [port] }) => {
    const lifeline = new Lifeline(port!);
    listenToThreads((lock) => lifeline.addLock(lock));
    scope.onmessage = ({ data }) => worker.receive(data);
  };
}

if (isThread) proveThreadLife();
else work();
