// A model file on disk as a ByteSource; reads straight into the Wasm memory.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { PipitError, messageOf } from '../errors.ts';
import type { ByteSource } from '../load_engine.ts';

export interface FileSource {
  path: string;
}

/** Throws not_found, io, or invalid_file for what is no regular file. */
export async function openFile({ path }: FileSource): Promise<ByteSource> {
  const file = translate(path, () => openSync(path, 'r'));
  try {
    const stats = translate(path, () => fstatSync(file));
    if (stats.isDirectory()) {
      throw new PipitError('invalid_file', `${path} is a folder. Give the path of a GGUF file.`);
    }
    if (stats.isFile() && stats.size === 0) {
      throw new PipitError(
        'invalid_file',
        `${path} is empty. A GGUF file was expected; fetch or copy it again.`,
      );
    }
    return {
      size: stats.size,
      read: (target) => translate(path, () => readSync(file, target)),
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function translate<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new PipitError('not_found', `There is no file ${path}.`, error);
    }
    throw new PipitError('io', `${path} cannot be read: ${messageOf(error)}.`, error);
  }
}
