// The threads of the Wasm modules: workers that run this worker's own script again, so that there is one script to find.
// The page starts them: Firefox now and then never returns from `new Worker` in a worker.
import { holdLock } from './lifeline.ts';

/** What the page starts a thread with. */
export interface ThreadStart {
  url: string;
  options: WorkerOptions;
  /** Between the thread and the module's worker; the thread gets it with its first message. */
  port: MessagePort;
}

/** Emscripten's name for the workers of its threads; its glue in them starts by itself. */
export const isThread = self.name.startsWith('em-pthread');

/** The worker's way to the page. */
interface Page {
  startThread(start: ThreadStart): void;
  /** A thread holds the lock `name` as long as it lives. */
  addLock(name: string): void;
}

let page: Page | undefined;

export function startThreadsBy(thePage: Page): void {
  page = thePage;
}

interface ThreadMessage {
  pipitLock?: string;
}

/** Takes the place of `new Worker` in Emscripten's glue (tools/bundle.mjs), which uses no more of it than a port has. */
export function startThread(options: WorkerOptions): Worker {
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', ({ data }: MessageEvent<ThreadMessage>) => {
    if (data.pipitLock !== undefined) page!.addLock(data.pipitLock);
  });
  port1.addEventListener('messageerror', () => {
    throw new Error('a message of a thread could not be read');
  });
  const url = self.location.href;
  page!.startThread({ url, options: { ...options, type: scriptType() }, port: port2 });
  const terminate = (): void => port1.close();
  return Object.assign(port1, { terminate }) as unknown as Worker;
}

/** In a thread, before its first message: puts the port in the place of the page, with which the glue has nothing to do. */
export function joinThreads(): void {
  self.addEventListener('error', () => self.close());
  const onStart = ({ ports: [port] }: MessageEvent): void => {
    self.postMessage = port!.postMessage.bind(port);
    const listen = (): void => {
      port!.onmessage = (event) => void self.onmessage!(event);
    };
    // Not before the page can know when it is gone: what waits for the thread in Wasm would hear of no error.
    holdLock((name) => {
      port!.postMessage({ pipitLock: name });
      listen();
    }).catch(listen);
  };
  self.addEventListener('message', onStart, { once: true });
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
