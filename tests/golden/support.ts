// What the golden tests share: the files, the models, pipit as it was built.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import type * as pipit from '../../web/src/node/index.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

// Types come from the sources: the built ones are not there before the first build.
export const { loadModel } = (await import(join(root, 'dist/node/index.js'))) as typeof pipit;

/** The catalogue's id of the model that the golden files were made from. */
export const MODEL = 'smollm2-135m-instruct-q4_1';
export const GEMMA = 'gemma-3-270m-q4_k_m';

/** Where tools/fetch-model.mjs puts a model's file. */
export const cachedModel = (file: string): string => join(root, 'models/cache', file);

/** One of tests/golden/*.json, made by tools/make-goldens.mjs. */
export function readGolden<Case>(name: string): { cases: Case[] } & Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, 'tests/golden', name), 'utf8')) as { cases: Case[] };
}

/** Makes the tiny models of a generator in tools/ in a folder that goes when the tests end. */
export function makeTinyModels({
  generator = 'make-tiny-models.py',
  vocabularies = false,
} = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'pipit-tiny-'));
  after(() => rmSync(folder, { recursive: true }));
  const args = ['--out', folder];
  if (vocabularies) args.push('--vocab-from', cachedModel(`${MODEL}.gguf`));
  runPython(`tools/${generator}`, ...args);
  return folder;
}

/** What a script of the repository prints, run with the packages of tools/requirements.txt. */
export function runPython(script: string, ...args: string[]): string {
  const python = join(root, '.toolchain/venv/bin/python');
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return execFileSync(python, [join(root, script), ...args], { stdio: [...stdio] }).toString();
}

export const sha256 = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex');

/** Asserts that pipit wrote the bytes of a file that llama.cpp has loaded; `name` says how it came about. */
export function assertLlamaLoads(name: string, path: string): void {
  const { cases } = readGolden<{ name: string; sha256: string }>('written.json');
  const known = cases.find((one) => one.name === name);
  assert.equal(sha256(path), known?.sha256, 'run tools/make-goldens.mjs --only written');
}

/** Natural-log probabilities of a row of logits. */
export function logSoftmax(logits: Float32Array): Float64Array {
  let max = -Infinity;
  for (const x of logits) if (x > max) max = x;
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - max);
  const shift = max + Math.log(sum);
  return Float64Array.from(logits, (x) => x - shift);
}
