// Work that follows what somebody types.
import { useLayoutEffect } from 'preact/hooks';

/** Nobody wants an answer to half a word. */
const STILL_MS = 350;

/**
 * Does `work` once its `inputs` have been still for a moment. When they change again the signal of the work that is then
 * out of date is aborted.
 */
export function useLatest(
  work: (signal: AbortSignal) => Promise<void>,
  inputs: readonly unknown[],
): void {
  // With the change itself: what is out of date must not be seen any more.
  useLayoutEffect(() => {
    const controller = new AbortController();
    const timer = setTimeout(() => void work(controller.signal), STILL_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, inputs);
}
