// What the browser says of the room that it gives this site.
import type { StoreEstimate } from './store.ts';

export async function estimateStorage(): Promise<StoreEstimate | undefined> {
  try {
    const { usage, quota } = await navigator.storage.estimate();
    return usage === undefined || quota === undefined ? undefined : { usage, quota };
  } catch {
    return undefined; // no answer, in a private window for instance, is no reason not to try
  }
}
