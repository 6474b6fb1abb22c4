// A file behind a URL: every chunk from the store if it is there and right, otherwise from the server, and then stored.
import { PipitError, messageOf } from '../errors.ts';
import { formatBytes } from '../sizes.ts';
import { type Hash, sha256 } from '../store/sha256.ts';
import {
  type Manifest,
  type ModelStore,
  parseManifest,
  readVerified,
  storeError,
  storedBytes,
} from '../store/store.ts';
import { AHEAD, type ByteSource } from './byte_source.ts';
import { FileChangedError, RemoteFile } from './remote_file.ts';
import { lock } from './lock.ts';
import type { Transfer } from './requests.ts';
import { Slots, readAhead } from '../slots.ts';
import type { Tuning } from './tuning.ts';

export interface UrlOptions {
  /** undefined: nothing is stored. */
  store: ModelStore | undefined;
  /** In place of a store that cannot be read. */
  fallback: ModelStore | undefined;
  /** SHA-256 of the whole file in hexadecimal; undefined: any. */
  expectedSha256: string | undefined;
  /** Called once the parts are read. */
  newHash: () => Hash;
  signal: AbortSignal;
  tuning: Tuning;
  /** Told of every byte from the network. */
  onDownloaded: (bytes: number) => void;
  /** Told while another tab downloads the same file, with what it has stored so far. */
  onWaiting: (storedBytes: number, size: number) => void;
  /** Told in a sentence why the file is not stored. */
  onWarning: (warning: string) => void;
}

/** Chunks that are on their way from the server or into the store at the same time. */
const UNSTORED_CHUNKS = 2;

const MAGIC = [0x47, 0x47, 0x55, 0x46]; // GGUF

/** Throws not_found, network, or cancelled. */
export async function openUrl(url: string, options: UrlOptions): Promise<ByteSource> {
  const source = new UrlSource(url, options);
  try {
    await source.open();
    return source;
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Of the file behind `url` in bytes, from the store or the server; 0: neither says. */
export async function sizeOfUrl(
  url: string,
  { store, signal }: Pick<UrlOptions, 'store' | 'signal'>,
): Promise<number> {
  try {
    const manifest = parseManifest(await store?.readManifest(url));
    if (manifest) return manifest.size;
    const { ok, headers } = await fetch(url, { method: 'HEAD', signal });
    return ok ? Number(headers.get('content-length')) : 0;
  } catch {
    return 0; // what is wrong shows itself when the file is opened
  }
}

class UrlSource implements ByteSource {
  readonly #url: string;
  readonly #options: UrlOptions;
  readonly #closed = new AbortController();
  readonly #transfer: Transfer;
  #store: ModelStore | undefined;
  #fallback: ModelStore | undefined;
  #manifest: Manifest;
  #remote: Promise<RemoteFile> | undefined;
  #unlock = (): void => {};
  #chunks: AsyncGenerator<Uint8Array, void, undefined> | undefined;
  readonly #unstored = new Slots(UNSTORED_CHUNKS);
  /** Resolves when the chunk that was asked for last is in the store, or will never be. */
  #stored: Promise<void> = Promise.resolve();
  /** Chunks are written one after another, so that the manifest never lists one that is not there. */
  readonly #writing = new Slots(1);
  /** Whether the file was complete in the store when it was opened. */
  #wasComplete = false;
  /** Whether what is stored goes in the end: without room for all of it, a part only takes room from others. */
  #isGivenUp = false;

  constructor(url: string, options: UrlOptions) {
    this.#url = url;
    this.#options = options;
    this.#store = options.store;
    this.#fallback = options.fallback;
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    this.#transfer = { url, signal, tuning: options.tuning, onBytes: options.onDownloaded };
    this.#manifest = newManifest(url, options.tuning.chunkBytes);
  }

  get size(): number {
    return this.#manifest.size;
  }

  /** Finds out what is stored and what the server has, and begins to read. */
  async open(): Promise<void> {
    await this.#prepare();
    this.#chunks = readAhead(AHEAD, (index) => this.#chunk(index));
    if (this.#wasComplete) void this.#writeManifest({ lastUsed: Date.now() }).catch(() => {});
  }

  async #prepare(): Promise<void> {
    await this.#readManifest();
    if (this.#wasComplete) return;
    if (this.#store) {
      this.#unlock = await lock(
        `pipit ${this.#store.name} ${this.#url}`,
        this.#options.signal,
        () => void this.#watchOther(),
      );
      // Whoever had the lock may have downloaded it.
      await this.#readManifest();
      if (this.#wasComplete) return this.#unlock();
    }
    const missing = this.#manifest.size === 0 ? 0 : this.#manifest.chunks.indexOf(null);
    if (missing < 0) return;
    try {
      await this.#openRemote(missing);
    } catch (error) {
      if (!(error instanceof FileChangedError)) throw error;
      // What is stored is a part of an earlier file, and nobody has seen any of it yet.
      await this.#delete();
      this.#manifest = newManifest(this.#url, this.#options.tuning.chunkBytes);
      await this.#openRemote(0);
    }
    await this.#checkRoom();
  }

  async *parts(): AsyncGenerator<Uint8Array, void, undefined> {
    const { expectedSha256, newHash } = this.#options;
    const isKnown = expectedSha256 === undefined || this.#manifest.sha256 === expectedSha256;
    const hash = isKnown ? undefined : newHash();
    for await (const bytes of this.#chunks!) {
      hash?.update(bytes);
      yield bytes;
    }
    await this.#finish(hash?.digest());
  }

  async close(): Promise<void> {
    this.#closed.abort();
    // A write that has begun ends first.
    await this.#writing.use(async () => {
      if (this.#isGivenUp) await this.#delete();
    });
    this.#unlock();
  }

  async #readManifest(): Promise<void> {
    const { expectedSha256, tuning } = this.#options;
    try {
      const manifest = parseManifest(await this.#store?.readManifest(this.#url));
      const isOther = expectedSha256 && manifest?.sha256 && manifest.sha256 !== expectedSha256;
      this.#manifest =
        manifest?.url === this.#url && !isOther
          ? manifest
          : newManifest(this.#url, tuning.chunkBytes);
      this.#wasComplete = this.#manifest.complete;
    } catch (error) {
      this.#store = this.#fallback;
      this.#fallback = undefined;
      this.#warn(messageOf(error));
      if (this.#store) await this.#readManifest();
    }
  }

  async #openRemote(index: number): Promise<void> {
    const { size, etag, lastModified, chunkBytes } = this.#manifest;
    const known = size > 0 ? { size, etag, lastModified } : undefined;
    this.#remote = RemoteFile.open(this.#transfer, index * chunkBytes, known);
    const { identity } = await this.#remote;
    if (known) return;
    const chunks = new Array<null>(Math.ceil(identity.size / chunkBytes)).fill(null);
    Object.assign(this.#manifest, identity, { chunks });
  }

  /** undefined: the file has ended before. */
  async #chunk(index: number): Promise<Uint8Array | undefined> {
    try {
      const stored = this.#store && (await readVerified(this.#store, this.#manifest, index));
      return stored ?? (await this.#unstored.use(() => this.#fetchChunk(index)));
    } catch (error) {
      if (error instanceof FileChangedError) await this.forget();
      throw error;
    }
  }

  async #fetchChunk(index: number): Promise<Uint8Array | undefined> {
    const manifest = this.#manifest;
    const { size, chunkBytes } = manifest;
    const start = index * chunkBytes;
    if (size > 0 && start >= size) return undefined;
    // A chunk whose hash is known may come from any version of the file.
    this.#remote ??= RemoteFile.open(this.#transfer, start, {
      size,
      etag: null,
      lastModified: null,
    });
    const remote = await this.#remote;
    const end = size > 0 ? Math.min(start + chunkBytes, size) : start + chunkBytes;
    // Whoever is interrupted has at most one whole chunk that is not stored.
    const before = this.#stored;
    const stored = Promise.withResolvers<void>();
    this.#stored = stored.promise;
    try {
      const bytes = await remote.read(start, end, before);
      manifest.size ||= remote.identity.size;
      if (bytes.length > 0) await this.#keep(index, bytes);
      return bytes.length > 0 ? bytes : undefined;
    } finally {
      stored.resolve();
    }
  }

  async #keep(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (index === 0 && !MAGIC.every((byte, i) => bytes[i] === byte)) {
      await this.forget(); // the engine says what it is
    }
    if (!this.#store) return;
    const { chunks } = this.#manifest;
    const hash = await sha256(bytes);
    if (chunks[index] && chunks[index] !== hash) throw new FileChangedError(this.#url);
    await this.#writing.use(async () => {
      if (!this.#isStoring || this.#closed.signal.aborted) return;
      chunks[index] = hash;
      try {
        await this.#store!.writeChunk(this.#manifest, index, bytes);
      } catch (error) {
        if (!this.#wasComplete) await this.#giveUp(error);
      }
    });
  }

  /** Before the download: there is no use in storing a part. */
  async #checkRoom(): Promise<void> {
    const missing = this.#manifest.size - storedBytes(this.#manifest);
    const free = await this.#freeBytes();
    if (missing > free) await this.#giveUp(new PipitError('quota_exceeded', 'The store is full.'));
  }

  async #freeBytes(): Promise<number> {
    const estimate = await this.#store?.estimate().catch(() => undefined);
    return estimate ? Math.max(estimate.quota - estimate.usage, 0) : Infinity;
  }

  /** The download goes on, but nothing of it is stored. */
  async #giveUp(error: unknown): Promise<void> {
    this.#isGivenUp = true;
    const { code, message } = storeError(error, 'The store');
    if (code !== 'quota_exceeded') return this.#warn(message);
    const { size } = this.#manifest;
    const free = await this.#freeBytes();
    // Chromium says since version 138 that there are 10 GiB, whatever there is.
    const room = free < size ? `only ${formatBytes(free)}` : 'not enough';
    this.#warn(
      `It needs ${formatBytes(size)}, and there is ${room} left. Delete other models or data of this ` +
        'site to make room.',
    );
  }

  #warn(reason: string): void {
    this.#options.onWarning(
      `The model works, but could not be stored and will be downloaded again next time. ${reason}`,
    );
  }

  /** While another tab has the lock. */
  async #watchOther(): Promise<void> {
    const manifest = parseManifest(
      await this.#store!.readManifest(this.#url).catch(() => undefined),
    );
    if (manifest) this.#options.onWaiting(storedBytes(manifest), manifest.size);
  }

  get #isStoring(): boolean {
    return this.#store !== undefined && !this.#isGivenUp;
  }

  /** All bytes were given out: `digest` is their hash, where it was asked for. */
  async #finish(digest: string | undefined): Promise<void> {
    const manifest = this.#manifest;
    const { expectedSha256 } = this.#options;
    if (digest !== undefined && digest !== expectedSha256) {
      await this.forget();
      // An earlier version of the file, perhaps, which its caller does not want any more.
      if (this.#wasComplete) throw new FileChangedError(this.#url);
      throw new PipitError(
        'invalid_file',
        `${this.#url} is not the file that was expected: its SHA-256 is ${digest}, not ${expectedSha256}. It was not ` +
          'stored. Check the address and the hash, or load it again.',
      );
    }
    const isKnown = manifest.complete && (digest === undefined || digest === manifest.sha256);
    if (this.#isStoring && !isKnown) {
      const news = { complete: true, sha256: digest ?? manifest.sha256, lastUsed: Date.now() };
      await this.#writeManifest(news).catch((error: unknown) => this.#warn(messageOf(error)));
    }
    this.#unlock();
  }

  #writeManifest(news: Partial<Manifest>): Promise<void> {
    Object.assign(this.#manifest, news);
    return this.#writing.use(() => this.#store!.writeManifest(this.#manifest));
  }

  /** For a file that is not what it should be: deletes what is stored, and stores no more of it. */
  async forget(): Promise<void> {
    this.#isGivenUp = true;
    await this.#writing.use(() => this.#delete());
  }

  async #delete(): Promise<void> {
    // What cannot be deleted does no harm: it is checked whenever it is read.
    await this.#store?.delete(this.#url).catch(() => {});
  }
}

function newManifest(url: string, chunkBytes: number): Manifest {
  const now = Date.now();
  return {
    version: 1,
    url,
    etag: null,
    lastModified: null,
    size: 0,
    chunkBytes,
    chunks: [],
    sha256: null,
    complete: false,
    created: now,
    lastUsed: now,
  };
}
