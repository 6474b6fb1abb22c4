// Token ids that come from outside as JSON.
import { readFile } from 'node:fs/promises';

import { PipitError, messageOf } from '../errors.ts';

/** Throws invalid_argument unless `json` is an array of token ids; `where` it came from goes into the message. */
export function parseTokens(json: string, where: string): number[] {
  let tokens: unknown;
  try {
    tokens = JSON.parse(json);
  } catch (error) {
    throw new PipitError('invalid_argument', `${where} is not JSON: ${messageOf(error)}.`, error);
  }
  if (!Array.isArray(tokens) || !tokens.every((token) => Number.isInteger(token) && token >= 0)) {
    throw new PipitError(
      'invalid_argument',
      `${where} must be a JSON array of token ids, such as [1, 42].`,
    );
  }
  return tokens as number[];
}

export async function readTokens(path: string): Promise<number[]> {
  return parseTokens(await readTextFile(path), path);
}

/** A UTF-8 file. Throws not_found or io. */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing) throw new PipitError('not_found', `There is no file ${path}.`, error);
    throw new PipitError('io', `${path} cannot be read: ${messageOf(error)}.`, error);
  }
}
