// The JSON files of a Hugging Face folder, and reading their fields so that an error names what is wrong.
import { readFile } from 'node:fs/promises';

import { PipitError, messageOf } from '../../errors.ts';

export type Json = Record<string, unknown>;

/** undefined where there is no such file. Throws invalid_file for what is no JSON object, and io. */
export async function readJson(path: string): Promise<Json | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PipitError('io', `${path} cannot be read: ${messageOf(error)}.`, error);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    throw new PipitError('invalid_file', `${path} is no JSON: ${messageOf(error)}.`, error);
  }
  throw new PipitError('invalid_file', `${path} holds no JSON object.`);
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of config.json. */
export class Config {
  readonly #json: Json;

  constructor(json: Json) {
    this.#json = json;
  }

  get(key: string): unknown {
    return this.#json[key] ?? undefined;
  }

  /** Throws invalid_file where there is neither a number nor a fallback. */
  number(key: string, fallback?: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`;
    throw new PipitError('invalid_file', `config.json: '${key}' ${found}; a number was expected.`);
  }

  /** Throws invalid_file for what is no whole number from 1 to 2^32 - 1. */
  count(key: string, fallback?: number): number {
    const value = this.number(key, fallback);
    if (Number.isInteger(value) && value >= 1 && value < 2 ** 32) return value;
    throw new PipitError(
      'invalid_file',
      `config.json: '${key}' is ${value}; a whole number of at least 1 was expected.`,
    );
  }

  optional(key: string): number | undefined {
    return this.get(key) === undefined ? undefined : this.number(key);
  }

  text(key: string): string | undefined {
    const value = this.get(key);
    return typeof value === 'string' ? value : undefined;
  }

  flag(key: string, fallback = false): boolean {
    return Boolean(this.get(key) ?? fallback);
  }

  object(key: string): Config | undefined {
    const value = this.get(key);
    return isObject(value) ? new Config(value) : undefined;
  }

  /** Throws unsupported unless the field is one of `allowed`, of which the first stands for a missing one. */
  expect(key: string, ...allowed: readonly unknown[]): void {
    const value = this.get(key) ?? allowed[0];
    if (allowed.some((each) => JSON.stringify(each) === JSON.stringify(value))) return;
    throw new PipitError(
      'unsupported',
      `config.json: '${key}' is ${JSON.stringify(value)}. pipit runs models of this family only where it is ` +
        `${allowed.map((each) => JSON.stringify(each)).join(' or ')}.`,
    );
  }
}
