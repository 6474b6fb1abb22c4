// Models in a folder on disk, for Node: a folder for each file of a model, in it the manifest and a file a chunk.
import { mkdir, readFile, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { sha256 } from './sha256.ts';
import { type Manifest, type ModelStore, type StoreEstimate, storeError } from './store.ts';

const MANIFEST = 'manifest.json';

/** The folder that the environment variable PIPIT_CACHE names, or pipit's own in the platform's folder for caches. */
export function defaultCacheFolder(): string {
  const { PIPIT_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (PIPIT_CACHE) return PIPIT_CACHE;
  const home = homedir();
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'pipit');
  if (process.platform === 'win32') {
    return join(LOCALAPPDATA || join(home, 'AppData', 'Local'), 'pipit', 'cache');
  }
  return join(XDG_CACHE_HOME || join(home, '.cache'), 'pipit');
}

export class FilesStore implements ModelStore {
  readonly name: string;
  readonly #root: string;

  constructor(root = defaultCacheFolder()) {
    this.#root = root;
    this.name = `files ${root}`;
  }

  readManifest(url: string): Promise<unknown> {
    return this.#try(async () =>
      parseJson(await orMissing(readFile(await this.#path(url, MANIFEST)))),
    );
  }

  writeManifest(manifest: Manifest): Promise<void> {
    return this.#write(manifest.url, MANIFEST, JSON.stringify(manifest));
  }

  readChunk(url: string, index: number): Promise<Uint8Array | undefined> {
    return this.#try(async () => await orMissing(readFile(await this.#path(url, String(index)))));
  }

  async writeChunk(manifest: Manifest, index: number, bytes: Uint8Array): Promise<void> {
    await this.#write(manifest.url, String(index), bytes);
    await this.writeManifest(manifest);
  }

  delete(url: string): Promise<void> {
    return this.#try(async () => await rm(await this.#path(url), { recursive: true, force: true }));
  }

  list(): Promise<unknown[]> {
    return this.#try(async () => {
      const folders = (await orMissing(readdir(this.#root))) ?? [];
      const manifests = folders.map((folder) =>
        orMissing(readFile(join(this.#root, folder, MANIFEST))),
      );
      return (await Promise.all(manifests)).map(parseJson);
    });
  }

  estimate(): Promise<StoreEstimate | undefined> {
    return this.#try(async () => {
      await mkdir(this.#root, { recursive: true });
      const { bsize, blocks, bavail } = await statfs(this.#root);
      return { usage: (blocks - bavail) * bsize, quota: blocks * bsize };
    });
  }

  close(): void {}

  async #path(url: string, ...names: string[]): Promise<string> {
    return join(this.#root, await sha256(new TextEncoder().encode(url)), ...names);
  }

  /** Under another name first: nobody ever reads a file that is half written. */
  #write(url: string, name: string, content: string | Uint8Array): Promise<void> {
    return this.#try(async () => {
      const path = await this.#path(url, name);
      const partial = `${path}.${crypto.randomUUID()}`;
      await mkdir(await this.#path(url), { recursive: true });
      try {
        await writeFile(partial, content);
        await rename(partial, path);
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
    });
  }

  async #try<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw storeError(error, `The folder ${this.#root}`);
    }
  }
}

function parseJson(json: Uint8Array | undefined): unknown {
  try {
    return json && (JSON.parse(new TextDecoder().decode(json)) as unknown);
  } catch {
    return undefined;
  }
}

/** undefined in place of an error where there is no such file. */
async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
