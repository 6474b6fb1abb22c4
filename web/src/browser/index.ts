// The package's entry in a browser: models from URLs, Blobs and Files.
import { describe, invalid } from '../check.ts';
import { LanguageModel, type LoadOptions } from '../index.ts';
import type { BrowserSource } from './source.ts';
import { startWorker } from './worker_handle.ts';

export * from '../index.ts';

export interface BrowserLoadOptions extends LoadOptions {
  /**
   * The folder, relative to the page, that has the worker.js and the wasm/ of pipit's dist/browser. Default: the folder of
   * this script, or where the bundler has put them.
   */
  assets?: string | URL;
}

/** Loads a GGUF file: a URL, which may be relative to the page, or a Blob, for instance a File. */
export async function loadModel(
  model: string | URL | Blob,
  { assets, ...options }: BrowserLoadOptions = {},
): Promise<LanguageModel> {
  const folder = assets === undefined ? undefined : folderOf(assets);
  return LanguageModel.load(() => startWorker(folder), sourceOf(model), options);
}

function folderOf(assets: unknown): URL {
  const url = pageUrl(assets);
  if (!url) throw invalid(`The option 'assets' must be a URL, not ${describe(assets)}.`);
  // Of a folder that is written without its slash, too.
  return new URL(`${url.origin}${url.pathname.replace(/\/?$/, '/')}`);
}

function sourceOf(model: unknown): BrowserSource {
  if (model instanceof Blob) return { blob: model };
  if (typeof model !== 'string' && !(model instanceof URL)) {
    throw invalid(`The model must be a URL, a File or a Blob, not ${describe(model)}.`);
  }
  // The worker lies elsewhere: what is relative to the page is not relative to it.
  const url = pageUrl(model);
  if (!url) throw invalid(`The model ${describe(String(model))} is no URL.`);
  return { url: url.href };
}

function pageUrl(url: unknown): URL | null {
  return URL.parse(String(url), globalThis.location.href);
}
