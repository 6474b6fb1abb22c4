// What a page can do with stored models without loading one: list, verify, delete, and ask how much room there is.
import { checkKeys } from '../check.ts';
import { PipitError, cancelledError } from '../errors.ts';
import type { StoreChoice } from '../protocol.ts';
import { type StoreOption, checkStore, storeHere } from './choice.ts';
import { type ModelStore, chunkLength, parseManifest, readVerified, storedBytes } from './store.ts';

export interface StoredModel {
  url: string;
  /** Of the file, and how much of it is stored, in bytes. */
  size: number;
  storedBytes: number;
  /** Whether it loads without the network; otherwise loadModel() goes on with its download. */
  complete: boolean;
  /** Of the whole file in hexadecimal, where it was checked. */
  sha256: string | null;
  /** In milliseconds since 1970. */
  lastUsed: number;
}

export interface VerifyResult {
  /** Whether the file is complete and every stored chunk is what was downloaded. */
  ok: boolean;
  /** Chunks that are missing or damaged, by their place in the file; the next load fetches them again. */
  badChunks: number[];
}

export interface StoreOptions {
  /** Default: that of loadModel(). */
  store?: StoreOption;
}

export interface VerifyOptions extends StoreOptions {
  signal?: AbortSignal;
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

export interface StoreManagement {
  /** The models in the store, those used last first. */
  listModels(options?: StoreOptions): Promise<StoredModel[]>;
  /** Reads a stored model and compares it with what was downloaded. Throws not_found. */
  verifyModel(url: string | URL, options?: VerifyOptions): Promise<VerifyResult>;
  /** Deletes a model, also a partly downloaded one; no error when there is none. */
  deleteModel(url: string | URL, options?: StoreOptions): Promise<void>;
}

/** The functions for an environment: `open` knows its stores by name, `resolve` its relative URLs. */
export function storeManagement(
  defaultStore: StoreOption,
  open: (name: StoreChoice) => ModelStore | undefined,
  resolve: (url: string | URL) => string,
): StoreManagement {
  const use = async <T>(
    options: StoreOptions,
    keys: readonly string[],
    what: string,
    run: (store: ModelStore) => Promise<T>,
  ): Promise<T> => {
    checkKeys(options, ['store', ...keys], `option of ${what}()`);
    const option = checkStore(options.store ?? defaultStore);
    const store = storeHere(option, open);
    try {
      return await run(store);
    } finally {
      if (typeof option === 'string') store.close();
    }
  };
  return {
    listModels: (options = {}) => use(options, [], 'listModels', list),
    verifyModel: (url, options = {}) =>
      use(options, ['signal', 'onProgress'], 'verifyModel', (store) =>
        verify(store, resolve(url), options),
      ),
    deleteModel: (url, options = {}) =>
      use(options, [], 'deleteModel', (store) => store.delete(resolve(url))),
  };
}

async function list(store: ModelStore): Promise<StoredModel[]> {
  const manifests = (await store.list()).map(parseManifest);
  return manifests
    .filter((manifest) => manifest !== undefined)
    .map((manifest) => {
      const { url, size, complete, sha256, lastUsed } = manifest;
      return { url, size, storedBytes: storedBytes(manifest), complete, sha256, lastUsed };
    })
    .sort((a, b) => b.lastUsed - a.lastUsed);
}

async function verify(
  store: ModelStore,
  url: string,
  { signal, onProgress }: VerifyOptions,
): Promise<VerifyResult> {
  const manifest = parseManifest(await store.readManifest(url));
  if (!manifest) throw new PipitError('not_found', `No model from ${url} is stored.`);
  const badChunks: number[] = [];
  let loaded = 0;
  for (let i = 0; i < manifest.chunks.length; i++) {
    if (signal?.aborted) throw cancelledError('The verification', signal.reason);
    if (!(await readVerified(store, manifest, i))) badChunks.push(i);
    loaded += chunkLength(manifest, i);
    onProgress?.({ loaded, total: manifest.size });
  }
  return { ok: manifest.complete && badChunks.length === 0, badChunks };
}
