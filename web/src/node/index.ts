// The package's entry in Node: models from files, from URLs and from the catalogue.
import { checkKeys, describe, invalid } from '../check.ts';
import {
  LanguageModel,
  type LoadOptions,
  type ModelDescription,
  type ModelFiles,
} from '../index.ts';
import { splitPaths, splitUrls } from '../load/split.ts';
import type { StorageEstimate } from '../store/estimate.ts';
import { FilesStore } from '../store/files.ts';
import { storeManagement } from '../store/manage.ts';
import { asUrl, findModelFile } from './model_files.ts';
import { openStore } from './stores.ts';
import { startWorker } from './worker_handle.ts';

export * from '../index.ts';

export const { listModels, verifyModel, deleteModel } = storeManagement(
  'files',
  openStore,
  (model) => {
    const url = asUrl(model);
    if (url) return url.href;
    throw invalid(
      `The model ${describe(String(model))} is no URL; only models from URLs are stored.`,
    );
  },
);

/** Of the folder that models from URLs are kept in, in bytes; nobody but the user empties it. */
export async function storageEstimate(): Promise<StorageEstimate> {
  const { usage, quota } = (await new FilesStore().estimate()) ?? { usage: 0, quota: 0 };
  return { usage, quota, persisted: true };
}

/** As in a browser; here there is nothing to ask. */
export async function requestPersistence(): Promise<boolean> {
  return true;
}

/**
 * Loads a GGUF file: a path, the id of a catalogue entry that has been fetched, or a URL, whose file is downloaded once.
 * Of a split model any file is enough.
 */
export async function loadModel(
  model: string | URL,
  options: LoadOptions = {},
): Promise<LanguageModel> {
  return await LanguageModel.load(startWorker, options, () => filesOf(model, options.tokenizer));
}

/** Reads the header of a GGUF file; works for architectures that pipit cannot run too. */
export async function inspectModel(
  model: string | URL,
  options: { signal?: AbortSignal } = {},
): Promise<ModelDescription> {
  checkKeys(options, ['signal'], 'option of inspectModel()');
  const { signal } = options;
  const url = asUrl(model);
  const source = url ? { url: url.href } : { path: await findModelFile(model as string) };
  return await LanguageModel.inspect(startWorker, source, signal);
}

async function filesOf(
  model: string | URL,
  tokenizer: LoadOptions['tokenizer'],
): Promise<ModelFiles> {
  const url = asUrl(model);
  const sources = url
    ? splitUrls(url).map((href) => ({ url: href }))
    : splitPaths(await findModelFile(model as string)).map((path) => ({ path }));
  return {
    sources,
    tokenizer: tokenizer === undefined ? undefined : tokenizerOf(tokenizer),
    ports: [],
    defaultStore: 'files',
    warnings: [],
  };
}

function tokenizerOf(tokenizer: unknown): unknown {
  if (tokenizer instanceof Blob) return { blob: tokenizer };
  if (typeof tokenizer !== 'string' && !(tokenizer instanceof URL)) {
    throw invalid(
      `The option 'tokenizer' must be a path, a URL, a File or a Blob, not ${describe(tokenizer)}.`,
    );
  }
  const url = asUrl(tokenizer);
  return url ? { url: url.href } : { path: tokenizer };
}
