// Keeps models as long as the page lives. As Blobs: a browser may keep those outside of the page's own memory.
import type { Manifest, ModelStore } from './store.ts';

interface StoredFile {
  manifest: Manifest;
  chunks: Map<number, Blob>;
}

export class MemoryStore implements ModelStore {
  readonly name: string = 'memory';
  readonly #files = new Map<string, StoredFile>();

  async readManifest(url: string): Promise<unknown> {
    return structuredClone(this.#files.get(url)?.manifest);
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    const chunks = this.#files.get(manifest.url)?.chunks ?? new Map<number, Blob>();
    this.#files.set(manifest.url, { manifest: structuredClone(manifest), chunks });
  }

  async readChunk(url: string, index: number): Promise<Blob | undefined> {
    return this.#files.get(url)?.chunks.get(index);
  }

  async writeChunk(
    manifest: Manifest,
    index: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const chunk = new Blob([bytes]);
    await this.writeManifest(manifest);
    this.#files.get(manifest.url)!.chunks.set(index, chunk);
  }

  async delete(url: string): Promise<void> {
    this.#files.delete(url);
  }

  async list(): Promise<unknown[]> {
    return Array.from(this.#files.values(), ({ manifest }) => structuredClone(manifest));
  }

  async estimate(): Promise<undefined> {}

  close(): void {}
}
