// What the browser says of the room that it gives this site, and whether it keeps it.
import type { StoreEstimate } from './store.ts';

export interface StorageEstimate extends StoreEstimate {
  /** Whether the browser keeps the data also when room becomes scarce. */
  persisted: boolean;
}

/** undefined: the browser does not say. */
export async function estimateStorage(): Promise<StoreEstimate | undefined> {
  try {
    const { usage, quota } = await navigator.storage.estimate();
    return usage === undefined || quota === undefined ? undefined : { usage, quota };
  } catch {
    return undefined; // no answer, in a private window for instance, is no reason not to try
  }
}

/** Asks the browser to keep the data; whether it does. Only a page can ask, not a worker. */
export async function requestPersistence(): Promise<boolean> {
  return await (navigator.storage?.persist?.().catch(() => false) ?? false);
}

/** Of this site, in bytes; 0: unknown. */
export async function storageEstimate(): Promise<StorageEstimate> {
  const { usage, quota } = (await estimateStorage()) ?? { usage: 0, quota: 0 };
  const persisted = (await navigator.storage?.persisted?.().catch(() => false)) ?? false;
  return { usage, quota, persisted };
}
