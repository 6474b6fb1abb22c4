// The package's entry in a browser: models from URLs, Blobs and Files.
import { describe, invalid } from '../check.ts';
import { LanguageModel, type LoadOptions } from '../index.ts';
import type { BrowserSource } from './source.ts';
import { startWorker } from './worker_handle.ts';

export * from '../index.ts';

/** Loads a GGUF file: a URL, which may be relative to the page, or a Blob, for instance a File. */
export async function loadModel(
  model: string | URL | Blob,
  options: LoadOptions = {},
): Promise<LanguageModel> {
  return LanguageModel.load(startWorker, sourceOf(model), options);
}

function sourceOf(model: unknown): BrowserSource {
  if (model instanceof Blob) return { blob: model };
  if (typeof model !== 'string' && !(model instanceof URL)) {
    throw invalid(`The model must be a URL, a File or a Blob, not ${describe(model)}.`);
  }
  // The worker lies elsewhere: what is relative to the page is not relative to it.
  const url = URL.parse(model, globalThis.location.href);
  if (!url) throw invalid(`The model ${describe(String(model))} is no URL.`);
  return { url: url.href };
}
