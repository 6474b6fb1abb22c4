// Which file a MODEL argument means: a path, or an id of models/catalog.json with its file in models/cache/.
import { existsSync } from 'node:fs';

import { checkString, describe, invalid } from '../check.ts';
import { PipitError } from '../errors.ts';
import { didYouMean } from '../names.ts';

/** What tools/fetch-model.mjs exports; only a clone of the repository has it. */
interface ModelTools {
  catalog(): { id: string }[];
  modelPath(id: string): string;
  fetchModel(id: string, options: FetchOptions): Promise<{ path: string }>;
}

export interface FetchProgress {
  phase: 'verify' | 'download' | 'unpack' | 'note';
  /** In bytes; of all phases but "note". */
  done?: number;
  total?: number;
  /** Of the phase "note". */
  message?: string;
}

export interface FetchOptions {
  signal?: AbortSignal;
  onProgress?: (progress: FetchProgress) => void;
}

/** `model` where it is a URL of the web; undefined: a path or a catalogue's id. */
export function asUrl(model: string | URL): URL | undefined {
  if (typeof model === 'string' && !/^https?:/i.test(model)) return undefined;
  const url = URL.parse(model);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw invalid(
      `The model ${describe(String(model))} is no URL that can be fetched (http or https).`,
    );
  }
  url.hash = '';
  return url;
}

/** The file that `model` means. Throws not_found, naming what there is. */
export async function findModelFile(model: string): Promise<string> {
  const { path, id } = await resolveModel(model);
  if (id === null || existsSync(path)) return path;
  throw new PipitError(
    'not_found',
    `The model ${id} has not been fetched yet. Fetch it with: node tools/fetch-model.mjs ${id}`,
  );
}

/** The same, but fetches a catalogue model whose file is missing or damaged. */
export async function fetchModelFile(model: string, options: FetchOptions): Promise<string> {
  if (asUrl(model)) return model; // loading it fetches it
  const { path, id, tools } = await resolveModel(model);
  if (id === null) return path;
  try {
    return (await tools.fetchModel(id, options)).path;
  } catch (error) {
    throw PipitError.from(error, options.signal?.aborted ? 'cancelled' : 'io');
  }
}

type Resolved =
  { path: string; id: null; tools: null } | { path: string; id: string; tools: ModelTools };

async function resolveModel(model: string): Promise<Resolved> {
  checkString(model, 'The model (a path or a catalogue id)');
  if (existsSync(model)) return { path: model, id: null, tools: null };
  const tools = await modelTools();
  const ids = tools ? tools.catalog().map((entry) => entry.id) : [];
  if (tools && ids.includes(model)) return { path: tools.modelPath(model), id: model, tools };
  const known = ids.length > 0 ? ` The catalogue has: ${ids.join(', ')}.` : '';
  throw new PipitError(
    'not_found',
    `There is no file '${model}'${didYouMean(model, ids)}.${known}`,
  );
}

async function modelTools(): Promise<ModelTools | null> {
  const url = new URL('../../tools/fetch-model.mjs', import.meta.url);
  return existsSync(url) ? ((await import(url.href)) as ModelTools) : null;
}
