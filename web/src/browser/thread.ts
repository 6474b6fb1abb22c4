// The threads of the Wasm modules: workers that run this worker's own script again, so that there is one script to find.
import { holdLock } from './lifeline.ts';

/** Emscripten's name for the workers of its threads; its glue in them starts by itself. */
export const isThread = self.name.startsWith('em-pthread');

/** Called with the lock that a new thread holds as long as it lives. */
let onThreadLock: (name: string) => void = () => {};

export function listenToThreads(onLock: (name: string) => void): void {
  onThreadLock = onLock;
}

/** Takes the place of `new Worker` in Emscripten's glue (tools/bundle.mjs). */
export function startThread(options: WorkerOptions): Worker {
  const worker = new Worker(self.location.href, { ...options, type: scriptType() });
  worker.addEventListener('message', ({ data }: MessageEvent<{ pipitLock?: string }>) => {
    if (data.pipitLock !== undefined) onThreadLock(data.pipitLock);
  });
  worker.addEventListener('messageerror', () => {
    throw new Error('a message of a thread could not be read');
  });
  return worker;
}

/** In a thread: lets the page know when it is gone. What waits for the thread in Wasm would hear of no error. */
export function proveThreadLife(): void {
  self.addEventListener('error', () => self.close());
  holdLock((name) => self.postMessage({ pipitLock: name })).catch(() => {});
}

/** Of this very script: some bundlers make a classic one of it, which has importScripts(). */
function scriptType(): WorkerType {
  try {
    // Neither fetches anything; Firefox refuses in a module only what has an argument.
    (self as unknown as { importScripts(url: string): void }).importScripts('http://[');
    return 'classic';
  } catch (error) {
    return error instanceof TypeError ? 'module' : 'classic';
  }
}
