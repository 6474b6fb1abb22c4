// Starts a browser's worker, and its threads, and shows it to the client as a WorkerHandle.
import type { WorkerHandle } from '../connection.ts';
import { PipitError } from '../errors.ts';
import type { FromWorker } from '../protocol.ts';
import { type LifelineWatch, watchLifeline } from './lifeline.ts';
import type { ThreadStart } from './thread.ts';

/** `assets`: the folder of worker.js; undefined: that of this script. Throws unsupported where none can be started. */
export function startWorker(assets: URL | undefined): WorkerHandle {
  const worker = createWorker(assets);
  const { port1, port2 } = new MessageChannel();
  const threads: Worker[] = [];
  let watch: LifelineWatch | undefined;
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    listen(onMessage, onDeath) {
      const onError = (event: Event): void => {
        // Whoever waits is told; the page's own error handlers need not hear of it too.
        event.preventDefault();
        // The event of a script that cannot be loaded has no message.
        onDeath(event instanceof ErrorEvent ? event.message : notLoaded(assets));
      };
      const startThread = ({ url, options, port }: ThreadStart): void => {
        const thread = new Worker(url, options);
        thread.onerror = onError;
        onTerminate(thread, () => watch!.die('one of its threads was terminated'));
        thread.postMessage({}, [port]); // Emscripten's glue does nothing where there is no cmd
        threads.push(thread);
      };
      watch = watchLifeline(port1, onDeath, startThread);
      onTerminate(worker, () => watch!.die('it was terminated'));
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => onMessage(data);
      worker.onmessageerror = () => onDeath('a message could not be read');
      worker.onerror = onError;
      worker.postMessage(null, [port2]);
    },
    terminate() {
      watch?.end();
      for (const each of [worker, ...threads]) each.terminate();
    },
  };
}

/** Nothing else would tell of a worker that its page ends before it has a lock. */
function onTerminate(worker: Worker, tell: () => void): void {
  const terminate = worker.terminate.bind(worker);
  worker.terminate = () => {
    terminate();
    tell();
  };
}

function createWorker(assets: URL | undefined): Worker {
  try {
    if (assets) return new Worker(new URL('worker.js', assets), { type: 'module', name: 'pipit' });
    // Bundlers look for just this expression.
    return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'pipit' });
  } catch (error) {
    throw notLoaded(assets, error);
  }
}

function notLoaded(assets: URL | undefined, cause?: unknown): PipitError {
  const place = assets ? assets.href : `the folder of ${import.meta.url}`;
  return new PipitError(
    'not_found',
    `pipit's worker, worker.js in ${place}, cannot be loaded. Put worker.js and wasm/ from pipit's dist/browser there, or ` +
      "name the folder that has them with loadModel()'s option 'assets'. On an isolated page they need its " +
      'Cross-Origin-Embedder-Policy header too.',
    cause,
  );
}
