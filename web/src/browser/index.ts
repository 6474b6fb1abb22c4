// The package's entry in a browser: models from URLs, Blobs, Files and streams, and the stores that a browser has.
import { describe, invalid } from '../check.ts';
import { LanguageModel, type LoadOptions, type ModelFiles } from '../index.ts';
import type { CommonSource } from '../load/open.ts';
import { splitUrls } from '../load/split.ts';
import { requestPersistence } from '../store/estimate.ts';
import { storeManagement } from '../store/manage.ts';
import { serveStream } from '../stream_port.ts';
import { openStore } from './stores.ts';
import { startWorker } from './worker_handle.ts';

export * from '../index.ts';
export { requestPersistence, storageEstimate } from '../store/estimate.ts';

/** A URL, which may be relative to the page, a Blob, for instance a File, or a stream of a file's bytes. */
export type ModelSource = string | URL | Blob | ReadableStream<Uint8Array>;

export interface BrowserLoadOptions extends LoadOptions {
  /**
   * The folder, relative to the page, that has the worker.js and the wasm/ of pipit's dist/browser. Default: the folder of
   * this script, or where the bundler has put them.
   */
  assets?: string | URL;
}

export const { listModels, verifyModel, deleteModel } = storeManagement(
  'indexeddb',
  openStore,
  (url) => modelUrl(url).href,
);

/**
 * Loads a GGUF file, or the files of a split one in order. Of a split one's URL (NAME-00001-of-00003.gguf) the others are
 * found. What comes from URLs is stored, and loaded without the network from then on.
 */
export async function loadModel(
  model: ModelSource | readonly ModelSource[],
  { assets, ...options }: BrowserLoadOptions = {},
): Promise<LanguageModel> {
  const folder = assets === undefined ? undefined : folderOf(assets);
  return await LanguageModel.load(
    () => startWorker(folder),
    options,
    () => {
      const warnings: string[] = [];
      const tokenizer = tokenizerOf(options.tokenizer);
      const files = { ...filesOf(model), tokenizer, warnings };
      if (options.persist)
        void requestPersistence().then((isKept) => isKept || warnings.push(NOT_PERSISTENT));
      return files;
    },
  );
}

function folderOf(assets: unknown): URL {
  const url = pageUrl(assets);
  if (!url) throw invalid(`The option 'assets' must be a URL, not ${describe(assets)}.`);
  // Of a folder that is written without its slash, too.
  return new URL(`${url.origin}${url.pathname.replace(/\/?$/, '/')}`);
}

const NOT_PERSISTENT =
  'The browser did not promise to keep the stored model: it may delete it when room becomes scarce.';

function tokenizerOf(tokenizer: unknown): CommonSource | undefined {
  if (tokenizer === undefined) return undefined;
  if (tokenizer instanceof Blob) return { blob: tokenizer };
  if (typeof tokenizer === 'string' || tokenizer instanceof URL)
    return { url: modelUrl(tokenizer).href };
  throw invalid(
    `The option 'tokenizer' must be a URL, a File or a Blob, not ${describe(tokenizer)}.`,
  );
}

function filesOf(
  model: ModelSource | readonly ModelSource[],
): Omit<ModelFiles, 'tokenizer' | 'warnings'> {
  const sources: CommonSource[] = [];
  const ports: MessagePort[] = [];
  for (const part of Array.isArray(model) ? (model as ModelSource[]) : [model as ModelSource]) {
    if (part instanceof Blob) {
      sources.push({ blob: part });
    } else if (part instanceof ReadableStream) {
      const stream = serveStream(part);
      sources.push({ stream });
      ports.push(stream);
    } else if (typeof part === 'string' || part instanceof URL) {
      const url = modelUrl(part);
      sources.push(
        ...(model === part ? splitUrls(url) : [url.href]).map((href) => ({ url: href })),
      );
    } else {
      throw invalid(`The model must be a URL, a File, a Blob or a stream, not ${describe(part)}.`);
    }
  }
  if (sources.length === 0) {
    throw invalid('The model is an empty array; it must have one file or more.');
  }
  return { sources, ports, defaultStore: 'indexeddb' };
}

/** The worker lies elsewhere: what is relative to the page is not relative to it. */
function modelUrl(model: string | URL): URL {
  const url = pageUrl(model);
  if (!url) throw invalid(`The model ${describe(String(model))} is no URL.`);
  url.hash = '';
  return url;
}

function pageUrl(url: unknown): URL | null {
  return URL.parse(String(url), globalThis.location.href);
}
