// One download of a file at a time, over all tabs of a browser and all threads of Node: Web Locks.
import { cancelledError } from '../errors.ts';

const POLL_MS = 250;

/**
 * Waits for the lock and returns what releases it. `whileWaiting` is called now and then until it is there. Where there
 * are no Web Locks, nobody waits: a file may then be downloaded twice, and each writes the same.
 */
export async function lock(
  name: string,
  signal: AbortSignal,
  whileWaiting: () => void,
): Promise<() => void> {
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) return () => {};
  const held = Promise.withResolvers<void>();
  const granted = Promise.withResolvers<void>();
  const poll = setInterval(whileWaiting, POLL_MS);
  try {
    const task = (): Promise<void> => {
      granted.resolve();
      return held.promise;
    };
    locks.request(name, { signal }, task).catch(granted.reject);
    await granted.promise;
    return held.resolve;
  } catch {
    if (signal.aborted) throw cancelledError('The download', signal.reason);
    return held.resolve; // a page without an origin of its own may not lock
  } finally {
    clearInterval(poll);
  }
}
