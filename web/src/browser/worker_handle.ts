// Starts a browser's worker and shows it to the client as a WorkerHandle.
import type { WorkerHandle } from '../connection.ts';
import type { FromWorker } from '../protocol.ts';

export function startWorker(): WorkerHandle {
  const url = new URL('./worker.js', import.meta.url);
  const worker = new Worker(url, { type: 'module', name: 'pipit' });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onDeath) {
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => onMessage(data);
      worker.onmessageerror = () => onDeath('a message could not be read');
      // The event of a script that cannot be loaded has no message.
      worker.onerror = ({ message }) => onDeath(message || 'its script could not be started');
    },
    terminate: () => worker.terminate(),
  };
}
