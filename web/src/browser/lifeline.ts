// How a page learns that a worker is gone: browsers say nothing when one closes itself, is ended from outside or runs out
// of memory, but they release the Web Locks that it held. Where there are none, on pages without HTTPS, the page asks.
import type { ThreadStart } from './thread.ts';

/** What a worker tells on the port that comes with its first message. */
type LifeSign =
  /** A lock that is held as long as the worker lives, or one of its threads. */
  | { type: 'lock'; name: string }
  | { type: 'no_locks' }
  | { type: 'alive' }
  | { type: 'thread'; start: ThreadStart };

/** How long the worker's script may take to arrive and start. */
const START_MS = 60_000;
/** How often the page asks where there are no locks, and how many questions may stay unanswered during a long step. */
const ASK_MS = 500;
const MAX_UNANSWERED = 60;

/** The worker's side. */
export class Lifeline {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = () => this.#tell({ type: 'alive' });
    holdLock((name) => this.addLock(name)).catch(() => this.#tell({ type: 'no_locks' }));
  }

  /** The page takes the worker for dead, too, when nobody holds this lock any more. */
  addLock(name: string): void {
    this.#tell({ type: 'lock', name });
  }

  startThread(start: ThreadStart): void {
    this.#tell({ type: 'thread', start }, [start.port]);
  }

  #tell(sign: LifeSign, transfer: Transferable[] = []): void {
    this.#port.postMessage(sign, transfer);
  }
}

/** Takes a lock of a new name for as long as this worker lives; rejects where there are no locks. */
export async function holdLock(onHeld: (name: string) => void): Promise<never> {
  const name = `pipit-${crypto.randomUUID()}`;
  return await navigator.locks.request(name, () => {
    onHeld(name);
    return new Promise<never>(() => {});
  });
}

export interface LifelineWatch {
  /** For who knows by other ways that the worker is gone. */
  die: (reason: string) => void;
  end: () => void;
}

/**
 * The page's side: calls `onDeath`, once, when the worker at the port's other end is gone, and `onThread` for the threads
 * that it wants.
 */
export function watchLifeline(
  port: MessagePort,
  onDeath: (reason: string) => void,
  onThread: (start: ThreadStart) => void,
): LifelineWatch {
  const watch = new AbortController();
  let timer = setTimeout(() => die(`it did not start within ${START_MS / 1000} s`), START_MS);
  let unanswered = 0;

  port.onmessage = ({ data }: MessageEvent<LifeSign>) => {
    switch (data.type) {
      case 'lock':
        clearTimeout(timer);
        awaitRelease(data.name);
        break;
      case 'no_locks':
        clearTimeout(timer);
        ask();
        break;
      case 'alive':
        unanswered = 0;
        break;
      case 'thread':
        onThread(data.start);
        break;
    }
  };

  function awaitRelease(name: string): void {
    const gone = (): void => die('it closed without a word; it may have run out of memory');
    // Rejects when the watch ends.
    navigator.locks.request(name, { signal: watch.signal }, gone).catch(() => {});
  }

  /** Counts questions rather than time: a page that slept for an hour asks again before it gives up. */
  function ask(): void {
    if (++unanswered > MAX_UNANSWERED) {
      die(`it has not answered for ${(MAX_UNANSWERED * ASK_MS) / 1000} s`);
      return;
    }
    port.postMessage(null);
    timer = setTimeout(ask, ASK_MS);
  }

  function die(reason: string): void {
    if (watch.signal.aborted) return;
    end();
    onDeath(reason);
  }

  function end(): void {
    watch.abort();
    clearTimeout(timer);
    port.close();
  }

  return { die, end };
}
