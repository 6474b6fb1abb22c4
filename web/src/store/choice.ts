// The option `store` of loadModel() and of the functions that manage stores: a name, or an object of the page's own.
import { describe, invalid } from '../check.ts';
import type { StoreChoice } from '../protocol.ts';
import { MemoryStore } from './memory.ts';
import { type StorePort, serveStore } from './remote.ts';
import { type ModelStore, STORE_METHODS } from './store.ts';

const NAMES = ['indexeddb', 'opfs', 'files', 'memory', 'none'] as const;

/**
 * 'indexeddb' (the default in a browser), 'opfs', 'files' (the default in Node: a folder), 'memory' (as long as the page
 * lives), 'none', or an object that does what a ModelStore must.
 */
export type StoreOption = (typeof NAMES)[number] | ModelStore;

/** The one that 'memory' means; it is on the page's side, for a worker ends with its model. */
const memory = new MemoryStore();

export function checkStore(store: unknown): StoreOption {
  if (typeof store === 'string') {
    if ((NAMES as readonly string[]).includes(store)) return store as StoreOption;
  } else if (typeof store === 'object' && store !== null) {
    const missing = ['close', ...STORE_METHODS].find(
      (name) => typeof (store as Record<string, unknown>)[name] !== 'function',
    );
    if (missing === undefined) return store as ModelStore;
    throw invalid(
      `The option 'store' is an object without the method ${missing}() of a ModelStore.`,
    );
  }
  const names = NAMES.map((name) => `'${name}'`).join(', ');
  throw invalid(
    `The option 'store' must be one of ${names} or a ModelStore, not ${describe(store)}.`,
  );
}

/** What a worker gets of the option. */
export function storeForWorker(store: StoreOption): StoreChoice {
  if (store === 'memory') return serveStore(memory);
  return typeof store === 'string' ? store : serveStore(store);
}

/** Memory in place of a store that turns out to be missing or blocked, as in some private windows. */
export function fallbackOf(store: StoreOption): StorePort | undefined {
  const isPlain = typeof store === 'object' || store === 'memory' || store === 'none';
  return isPlain ? undefined : serveStore(memory);
}

/** The store itself, on this side; `open` knows those that have a name here. */
export function storeHere(
  store: StoreOption,
  open: (name: StoreChoice) => ModelStore | undefined,
): ModelStore {
  if (typeof store === 'object') return store;
  const opened = store === 'memory' ? memory : open(store);
  if (!opened) throw invalid("The store 'none' has no models.");
  return opened;
}
