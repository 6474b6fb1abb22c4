// Files that are written as a whole or not at all.
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';

import { PipitError, messageOf } from '../errors.ts';

type Write = (file: FileHandle) => Promise<void>;

/**
 * `write` fills a file beside `path`, which takes that name only when it is whole. What a link names is replaced, not
 * the link; a device or a pipe is written to as it is.
 */
export async function writeWhole(path: string, write: Write): Promise<void> {
  try {
    const existing = await stat(path).catch(() => null);
    if (existing && !existing.isFile()) await writeTo(path, write);
    else await replace(existing ? await realpath(path) : path, write);
  } catch (error) {
    throw error instanceof PipitError
      ? error
      : new PipitError('io', `${path} cannot be written: ${messageOf(error)}.`, error);
  }
}

async function replace(path: string, write: Write): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    await writeTo(part, write);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function writeTo(path: string, write: Write): Promise<void> {
  const file = await open(path, 'w');
  try {
    await write(file);
  } finally {
    await file.close();
  }
}
