// A model file on disk as a ByteSource.
import { type FileHandle, open } from 'node:fs/promises';
import { statSync } from 'node:fs';

import { PipitError, messageOf } from '../errors.ts';
import type { ByteSource } from '../load/byte_source.ts';

export interface FileSource {
  path: string;
}

const PART_BYTES = 1 << 20;

/** Throws not_found, io, or invalid_file for what is no regular file. */
export async function openFile({ path }: FileSource): Promise<ByteSource> {
  const file = await translate(path, () => open(path));
  try {
    const stats = await translate(path, () => file.stat());
    if (stats.isDirectory()) {
      throw new PipitError('invalid_file', `${path} is a folder. Give the path of a GGUF file.`);
    }
    if (stats.isFile() && stats.size === 0) {
      throw new PipitError(
        'invalid_file',
        `${path} is empty. A GGUF file was expected; fetch or copy it again.`,
      );
    }
    return { size: stats.size, parts: () => partsOf(path, file), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** 0: unknown. */
export function sizeOfFile({ path }: FileSource): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The next part is read while the last one is worked on; there are two buffers, no more. */
async function* partsOf(path: string, file: FileHandle): AsyncGenerator<Uint8Array> {
  const buffers = [new Uint8Array(PART_BYTES), new Uint8Array(PART_BYTES)];
  const read = (buffer: Uint8Array): Promise<Uint8Array> => {
    const part = translate(path, async () => {
      const { bytesRead } = await file.read(buffer);
      return buffer.subarray(0, bytesRead);
    });
    part.catch(() => {}); // told when its turn comes, if it comes
    return part;
  };
  let next = read(buffers[0]!);
  for (let i = 1; ; i++) {
    const part = await next;
    if (part.length === 0) return;
    next = read(buffers[i % 2]!);
    yield part;
  }
}

async function translate<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new PipitError('not_found', `There is no file ${path}.`, error);
    }
    throw new PipitError('io', `${path} cannot be read: ${messageOf(error)}.`, error);
  }
}
