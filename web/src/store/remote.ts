// A page's own ModelStore for its worker: every call goes through a MessagePort.
import { RemoteObject, serveObject } from '../remote_object.ts';
import {
  type Manifest,
  type ModelStore,
  STORE_METHODS,
  type StoreEstimate,
  storeError,
} from './store.ts';

/** What stands for a page's own store in a message. */
export interface StorePort {
  name: string;
  port: MessagePort;
}

export function serveStore(store: ModelStore): StorePort {
  const translate = (error: unknown) => storeError(error, `The store '${store.name}'`);
  return { name: store.name, port: serveObject(store, STORE_METHODS, translate) };
}

export class RemoteStore implements ModelStore {
  readonly name: string;
  readonly #store: RemoteObject;

  constructor({ name, port }: StorePort) {
    this.name = name;
    this.#store = new RemoteObject(port);
  }

  readManifest(url: string): Promise<unknown> {
    return this.#store.call('readManifest', url);
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    await this.#store.call('writeManifest', manifest);
  }

  readChunk(url: string, index: number): Promise<Uint8Array | Blob | undefined> {
    return this.#store.call('readChunk', url, index) as ReturnType<ModelStore['readChunk']>;
  }

  async writeChunk(manifest: Manifest, index: number, bytes: Uint8Array): Promise<void> {
    await this.#store.call('writeChunk', manifest, index, bytes);
  }

  async delete(url: string): Promise<void> {
    await this.#store.call('delete', url);
  }

  list(): Promise<unknown[]> {
    return this.#store.call('list') as Promise<unknown[]>;
  }

  estimate(): Promise<StoreEstimate | undefined> {
    return this.#store.call('estimate') as Promise<StoreEstimate | undefined>;
  }

  close(): void {
    this.#store.close();
  }
}
