// Models in IndexedDB: chunks as Blobs, which browsers read about twice as fast as ArrayBuffers, and one transaction for
// a chunk and the manifest that lists it.
import { PipitError } from '../errors.ts';
import { estimateStorage } from './estimate.ts';
import { type Manifest, type ModelStore, type StoreEstimate, storeError } from './store.ts';

const MANIFESTS = 'manifests';
const CHUNKS = 'chunks';
/** A browser whose database is broken may never answer. */
const OPEN_MS = 10_000;

export class IndexedDbStore implements ModelStore {
  readonly name: string;
  readonly #databaseName: string;
  #database: Promise<IDBDatabase> | undefined;

  constructor(databaseName = 'pipit') {
    this.#databaseName = databaseName;
    this.name = `indexeddb ${databaseName}`;
  }

  readManifest(url: string): Promise<unknown> {
    return this.#read((manifests) => manifests.get(url), MANIFESTS);
  }

  writeManifest(manifest: Manifest): Promise<void> {
    return this.#write(({ manifests }) => manifests.put(manifest, manifest.url));
  }

  async readChunk(url: string, index: number): Promise<Blob | undefined> {
    const chunk = await this.#read((chunks) => chunks.get([url, index]), CHUNKS);
    return chunk instanceof Blob ? chunk : undefined;
  }

  writeChunk(manifest: Manifest, index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const chunk = new Blob([bytes]);
    return this.#write(({ manifests, chunks }) => {
      chunks.put(chunk, [manifest.url, index]);
      manifests.put(manifest, manifest.url);
    });
  }

  delete(url: string): Promise<void> {
    return this.#write(({ manifests, chunks }) => {
      manifests.delete(url);
      // An array is greater than every number.
      chunks.delete(IDBKeyRange.bound([url, 0], [url, []]));
    });
  }

  async list(): Promise<unknown[]> {
    return (await this.#read((manifests) => manifests.getAll(), MANIFESTS)) as unknown[];
  }

  estimate(): Promise<StoreEstimate | undefined> {
    return estimateStorage();
  }

  close(): void {
    this.#database?.then((database) => database.close()).catch(() => {});
    this.#database = undefined;
  }

  async #read(request: (store: IDBObjectStore) => IDBRequest, name: string): Promise<unknown> {
    try {
      const database = await this.#open();
      return await resultOf(request(database.transaction(name).objectStore(name)));
    } catch (error) {
      throw storeError(error, 'IndexedDB');
    }
  }

  async #write(
    change: (stores: { manifests: IDBObjectStore; chunks: IDBObjectStore }) => void,
  ): Promise<void> {
    try {
      const database = await this.#open();
      // What a power cut takes away is found missing and fetched again, so nothing waits for the disk.
      const options: IDBTransactionOptions = { durability: 'relaxed' };
      const transaction = database.transaction([MANIFESTS, CHUNKS], 'readwrite', options);
      const done = completionOf(transaction);
      try {
        change({
          manifests: transaction.objectStore(MANIFESTS),
          chunks: transaction.objectStore(CHUNKS),
        });
      } catch (error) {
        done.catch(() => {});
        transaction.abort();
        throw error;
      }
      await done;
    } catch (error) {
      throw storeError(error, 'IndexedDB');
    }
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= openDatabase(this.#databaseName, () => (this.#database = undefined)).catch(
      (error: unknown) => {
        this.#database = undefined;
        throw error;
      },
    );
    return this.#database;
  }
}

/** `onClosed` is called when the browser closes the database, for instance because the user clears the site's data. */
async function openDatabase(name: string, onClosed: () => void): Promise<IDBDatabase> {
  if (globalThis.indexedDB === undefined) {
    throw new PipitError('unsupported', 'This browser has no IndexedDB.');
  }
  const timeout = Promise.withResolvers<never>();
  const error = new PipitError('io', `IndexedDB did not open within ${OPEN_MS / 1000} seconds.`);
  const timer = setTimeout(() => timeout.reject(error), OPEN_MS);
  try {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(MANIFESTS);
      request.result.createObjectStore(CHUNKS);
    };
    const database = await Promise.race([resultOf(request), timeout.promise]);
    database.onclose = onClosed;
    // Another page deletes the database or knows a later version of it: it need not wait for this one.
    database.onversionchange = () => {
      database.close();
      onClosed();
    };
    return database;
  } finally {
    clearTimeout(timer);
  }
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error!);
  });
}

function completionOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(transaction.error ?? new Error('the transaction was aborted'));
  });
}
