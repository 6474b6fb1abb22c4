// A browser's worker: the neutral worker between a page's messages and the sources and stores that a browser has; or one of
// its threads.
import { type CommonSource, openCommon, sizeOfCommon } from '../load/open.ts';
import { TUNING } from '../load/tuning.ts';
import type { FromWorker, ToWorker } from '../protocol.ts';
import { startEngine } from '../start_engine.ts';
import { ModelWorker } from '../worker.ts';
import { Lifeline } from './lifeline.ts';
import { loadModule } from './modules.ts';
import { openStore } from './stores.ts';
import { isThread, joinThreads, startThreadsBy } from './thread.ts';

/** What is used of a DedicatedWorkerGlobalScope, which TypeScript's DOM types do not have. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: (event: MessageEvent<ToWorker<CommonSource>>) => void;
}

/** What the worker's script does. */
export function serveWorker(tuning = TUNING): void {
  if (isThread) joinThreads();
  else work(tuning);
}

function work(tuning: typeof TUNING): void {
  // A message to oneself comes after those that have arrived; a timer would wait for 4 ms.
  const { port1, port2 } = new MessageChannel();
  const nextTask = (): Promise<void> =>
    new Promise((resolve) => {
      port1.onmessage = () => resolve();
      port2.postMessage(null);
    });

  const scope = globalThis as unknown as WorkerScope;
  const worker = new ModelWorker<CommonSource>({
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    startEngine: (wishes) => startEngine(wishes, loadModule),
    tuning,
    openStore,
    openSource: openCommon,
    sizeOf: sizeOfCommon,
    nextTask,
  });
  scope.onmessage = ({ ports: [port] }) => {
    const lifeline = new Lifeline(port!);
    startThreadsBy(lifeline);
    scope.onmessage = ({ data }) => worker.receive(data);
  };
}
