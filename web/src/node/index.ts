// The package's entry in Node: models from files and from the catalogue.
import { checkKeys } from '../check.ts';
import { LanguageModel, type LoadOptions, type ModelDescription } from '../index.ts';
import { findModelFile } from './model_files.ts';
import { startWorker } from './worker_handle.ts';

export * from '../index.ts';

/** Loads a GGUF file: a path, or the id of a catalogue entry that has been fetched. */
export async function loadModel(model: string, options: LoadOptions = {}): Promise<LanguageModel> {
  return LanguageModel.load(startWorker, { path: await findModelFile(model) }, options);
}

/** Reads the header of a GGUF file; works for architectures that pipit cannot run too. */
export async function inspectModel(
  model: string,
  options: { signal?: AbortSignal } = {},
): Promise<ModelDescription> {
  checkKeys(options, ['signal'], 'option of inspectModel()');
  const { signal } = options;
  return LanguageModel.inspect(startWorker, { path: await findModelFile(model) }, signal);
}
