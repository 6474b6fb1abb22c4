// What a place for models must be able to do, and what it keeps of each file: chunks, and a manifest that describes them.
import { PipitError, messageOf } from '../errors.ts';
import { sha256 } from './sha256.ts';

/** Bytes of every chunk of a file but the last. */
export const CHUNK_BYTES = 4 << 20;

const MAX_FILE_BYTES = 2 ** 40;

export interface Manifest {
  version: 1;
  url: string;
  /** The server's ETag and Last-Modified, where it told them: others mean another file. */
  etag: string | null;
  lastModified: string | null;
  /** Of the file in bytes; 0 while the server has not told and the download runs. */
  size: number;
  chunkBytes: number;
  /** SHA-256 of each stored chunk in hexadecimal; null: not stored. */
  chunks: (string | null)[];
  /** SHA-256 of the whole file, where it was computed. */
  sha256: string | null;
  /** Whether all chunks were stored and the file was what its caller expected. */
  complete: boolean;
  /** In milliseconds since 1970. */
  created: number;
  lastUsed: number;
}

/** How much of the store's room is used, and how much there is in all, in bytes. */
export interface StoreEstimate {
  usage: number;
  quota: number;
}

/**
 * Keeps files by their URL. A page may hand in one of its own. What a store gives back is never trusted: manifests are
 * checked, chunks are hashed. A store without room rejects with QuotaExceededError or a PipitError quota_exceeded.
 */
export interface ModelStore {
  /** Tells stores apart, also in the names of locks: one name, one set of files. */
  readonly name: string;
  /** undefined: there is none. */
  readManifest(url: string): Promise<unknown>;
  /** Of manifest.url, in place of an earlier one. */
  writeManifest(manifest: Manifest): Promise<void>;
  /** undefined: it is missing. */
  readChunk(url: string, index: number): Promise<Uint8Array | Blob | undefined>;
  /** Stores a chunk and the manifest that lists it: never the manifest without the chunk. */
  writeChunk(manifest: Manifest, index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Manifest and chunks; no error when there are none. */
  delete(url: string): Promise<void>;
  /** The manifests of all files. */
  list(): Promise<unknown[]>;
  /** undefined: unknown. */
  estimate(): Promise<StoreEstimate | undefined>;
  /** Gives up what the store holds open; nothing may follow. */
  close(): void;
}

/** The methods of a ModelStore, all of which return promises but close(). */
export const STORE_METHODS = [
  'readManifest',
  'writeManifest',
  'readChunk',
  'writeChunk',
  'delete',
  'list',
  'estimate',
] as const;

/** `value` as a manifest; undefined when it is of another version, damaged or none: the file is then fetched anew. */
export function parseManifest(value: unknown): Manifest | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const manifest = value as Manifest;
  const { version, url, etag, lastModified, size, chunkBytes, chunks, sha256, complete } = manifest;
  const isValid =
    version === 1 &&
    typeof url === 'string' &&
    isTextOrNull(etag) &&
    isTextOrNull(lastModified) &&
    isCount(size, MAX_FILE_BYTES) &&
    isCount(chunkBytes, 1 << 30) &&
    Array.isArray(chunks) &&
    chunks.length === Math.ceil(size / chunkBytes) &&
    chunks.every(isHashOrNull) &&
    isHashOrNull(sha256) &&
    typeof complete === 'boolean' &&
    (!complete || !chunks.includes(null)) &&
    Number.isFinite(manifest.created) &&
    Number.isFinite(manifest.lastUsed);
  return isValid ? manifest : undefined;
}

/** Bytes of chunk `index` of a file of known size. */
export function chunkLength({ size, chunkBytes }: Manifest, index: number): number {
  return Math.min(chunkBytes, size - index * chunkBytes);
}

/** A chunk that is what the manifest says; undefined when it is missing, damaged, or cannot be read. */
export async function readVerified(
  store: ModelStore,
  manifest: Manifest,
  index: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const hash = manifest.chunks[index];
  if (!hash) return undefined;
  try {
    const chunk = await store.readChunk(manifest.url, index);
    const bytes =
      chunk instanceof Blob
        ? new Uint8Array(await chunk.arrayBuffer())
        : (chunk as Uint8Array<ArrayBuffer> | undefined);
    if (bytes?.length !== chunkLength(manifest, index)) return undefined;
    return (await sha256(bytes)) === hash ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of all chunks that are stored. */
export function storedBytes(manifest: Manifest): number {
  return manifest.chunks.reduce(
    (sum, hash, i) => sum + (hash === null ? 0 : chunkLength(manifest, i)),
    0,
  );
}

/** A store's failure as a PipitError: quota_exceeded or io. */
export function storeError(error: unknown, what: string): PipitError {
  if (error instanceof PipitError) return error;
  const { name, code } = (error ?? {}) as { name?: string; code?: unknown };
  const isFull = name === 'QuotaExceededError' || code === 'ENOSPC' || code === 'EDQUOT';
  return isFull
    ? new PipitError('quota_exceeded', `${what} has no room left.`, error)
    : new PipitError('io', `${what} cannot be used: ${messageOf(error)}.`, error);
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string';
}

function isHashOrNull(value: unknown): boolean {
  return value === null || (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value));
}

function isCount(value: unknown, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= max;
}
