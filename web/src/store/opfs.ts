// Models in the origin private file system: a folder for each file of a model, in it the manifest and a file a chunk.
import { PipitError } from '../errors.ts';
import { Slots } from '../slots.ts';
import { estimateStorage } from './estimate.ts';
import { sha256 } from './sha256.ts';
import {
  type Manifest,
  type ModelStore,
  type StoreEstimate,
  storeError,
  withLimit,
} from './store.ts';

const MANIFEST = 'manifest.json';

/** What not all have: the first Safari only since 26, the second workers alone, and TypeScript's DOM types not yet. */
type SyncFile = Omit<FileSystemFileHandle, 'createWritable'> & {
  createWritable?: FileSystemFileHandle['createWritable'];
  createSyncAccessHandle?(): Promise<{
    write(bytes: Uint8Array, options: { at: number }): number;
    truncate(size: number): void;
    flush(): void;
    close(): void;
  }>;
};

export class OpfsStore implements ModelStore {
  readonly name: string;
  readonly #rootName: string;
  /** A file can be open for writing once. */
  readonly #writing = new Slots(1);

  constructor(rootName = 'pipit') {
    this.#rootName = rootName;
    this.name = `opfs ${rootName}`;
  }

  async readManifest(url: string): Promise<unknown> {
    return await this.#try(
      async () => await parseJson(await readFile(await this.#folder(url), MANIFEST)),
    );
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    const json = new TextEncoder().encode(JSON.stringify(manifest));
    await this.#write(manifest.url, MANIFEST, json);
  }

  async readChunk(url: string, index: number): Promise<Blob | undefined> {
    return await this.#try(async () => await readFile(await this.#folder(url), String(index)));
  }

  async writeChunk(
    manifest: Manifest,
    index: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    await this.#write(manifest.url, String(index), bytes);
    await this.writeManifest(manifest);
  }

  async delete(url: string): Promise<void> {
    await this.#try(async () => {
      const root = await this.#root();
      const name = await sha256(new TextEncoder().encode(url));
      await orMissing(root.removeEntry(name, { recursive: true }));
    });
  }

  async list(): Promise<unknown[]> {
    return await this.#try(async () => {
      const manifests: unknown[] = [];
      for await (const folder of (await this.#root()).values()) {
        if (folder.kind !== 'directory') continue;
        manifests.push(await parseJson(await readFile(folder, MANIFEST)));
      }
      return manifests;
    });
  }

  estimate(): Promise<StoreEstimate | undefined> {
    return estimateStorage();
  }

  close(): void {}

  async #root(): Promise<FileSystemDirectoryHandle> {
    // A page that came over plain HTTP from another machine, and some private windows, have none.
    const { storage } = navigator as { storage?: StorageManager };
    if (!storage?.getDirectory) {
      throw new PipitError('unsupported', 'This browser has no origin private file system here.');
    }
    return await (
      await storage.getDirectory()
    ).getDirectoryHandle(this.#rootName, { create: true });
  }

  async #folder(url: string, create = false): Promise<FileSystemDirectoryHandle | undefined> {
    const name = await sha256(new TextEncoder().encode(url));
    return await orMissing((await this.#root()).getDirectoryHandle(name, { create }));
  }

  #write(url: string, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#try(() =>
      this.#writing.use(async () => {
        const folder = await this.#folder(url, true);
        await writeFile(folder!, name, bytes, name === MANIFEST);
      }),
    );
  }

  async #try<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await withLimit(run());
    } catch (error) {
      throw storeError(error, 'The origin private file system');
    }
  }
}

async function readFile(
  folder: FileSystemDirectoryHandle | undefined,
  name: string,
): Promise<File | undefined> {
  return await (await orMissing(folder?.getFileHandle(name)))?.getFile();
}

/**
 * `asWhole`: whoever is killed meanwhile leaves the file as it was before. Browsers can do that since Firefox 111, Chrome
 * 86 and Safari 26, and outside of workers, but it takes longer.
 */
async function writeFile(
  folder: FileSystemDirectoryHandle,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  asWhole: boolean,
): Promise<void> {
  const file = (await folder.getFileHandle(name, { create: true })) as SyncFile;
  if (file.createWritable && (asWhole || !file.createSyncAccessHandle)) {
    const stream = await file.createWritable();
    await stream.write(bytes);
    return await stream.close();
  }
  const handle = await file.createSyncAccessHandle!();
  try {
    handle.truncate(0);
    // A full disk shows itself as a short write here.
    if (handle.write(bytes, { at: 0 }) !== bytes.length) {
      throw new DOMException('a write was cut short', 'QuotaExceededError');
    }
    handle.flush();
  } finally {
    handle.close();
  }
}

async function parseJson(file: Blob | undefined): Promise<unknown> {
  try {
    return file && (JSON.parse(await file.text()) as unknown);
  } catch {
    return undefined; // cut off in the middle of a write: the file is fetched anew
  }
}

/** undefined in place of an error where there is no such entry. */
async function orMissing<T>(entry: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await entry;
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError') return undefined;
    throw error;
  }
}
