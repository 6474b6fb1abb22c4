// Starts a worker thread of Node and shows it to the client as a WorkerHandle.
import { type Transferable, Worker } from 'node:worker_threads';

import type { WorkerHandle } from '../connection.ts';

export function startWorker(): WorkerHandle {
  // The process's own flags are not the worker's: with --input-type, for one, a worker cannot start.
  const options = { name: 'pipit', execArgv: [] };
  return wrapWorker(new Worker(new URL('./worker.js', import.meta.url), options));
}

export function wrapWorker(worker: Worker): WorkerHandle {
  return {
    post: (message, transfer) =>
      worker.postMessage(message, transfer as Transferable[] | undefined),
    listen(onMessage, onDeath) {
      worker.on('message', onMessage);
      worker.on('messageerror', onDeath);
      worker.on('error', onDeath);
      worker.on('exit', (code) => onDeath(new Error(`the worker thread exited with code ${code}`)));
    },
    terminate: async () => {
      await worker.terminate();
    },
    setBusy(busy) {
      if (busy) worker.ref();
      else worker.unref();
    },
  };
}
