// The one model that the page has loaded, or why there is none.
import { computed, signal } from '@preact/signals';
import { type LanguageModel, type LoadOptions, PipitError, loadModel } from 'pipit';
import { loadOptions } from './settings.ts';

export type ModelSource = Parameters<typeof loadModel>[0];
export type Progress = Parameters<NonNullable<LoadOptions['onProgress']>>[0];

export type ModelStatus =
  | { kind: 'none' }
  | { kind: 'loading'; title: string; progress: Progress }
  | { kind: 'ready'; title: string; model: LanguageModel }
  | { kind: 'failed'; title: string; error: PipitError };

const status = signal<ModelStatus>({ kind: 'none' });
export const modelStatus = computed(() => status.value);

/** The loaded model, or null. */
export const model = computed(() => (status.value.kind === 'ready' ? status.value.model : null));

/** What openModel() was last called with, for loading it again. */
let opened: { title: string; source: ModelSource } | undefined;
let loading: AbortController | undefined;

/**
 * Loads `source` in place of the model that is loaded, with the page's settings; what comes of it stands in
 * `modelStatus`. Resolves when that is known. `title` is what people read.
 */
export async function openModel(
  title: string,
  source: ModelSource,
  options: LoadOptions = {},
): Promise<void> {
  await closeModel();
  opened = { title, source };
  const controller = new AbortController();
  loading = controller;
  // A load that closeModel() or a later openModel() has ended has no say any more.
  const report = (next: ModelStatus): void => {
    if (loading === controller) status.value = next;
  };
  report({ kind: 'loading', title, progress: { loaded: 0, total: 0 } });
  try {
    const model = await loadModel(source, {
      ...loadOptions.peek(),
      ...options,
      signal: controller.signal,
      onProgress: (progress) => {
        options.onProgress?.(progress);
        report({ kind: 'loading', title, progress });
      },
    });
    if (loading === controller) report({ kind: 'ready', title, model });
    else await model.dispose();
  } catch (error) {
    report({ kind: 'failed', title, error: PipitError.from(error) });
  }
}

/** Loads the same model again, with the settings of now; not for a stream, which can be read only once. */
export async function reopenModel(): Promise<void> {
  if (opened) await openModel(opened.title, opened.source);
}

/** Ends the loaded model, or the loading of one. */
export async function closeModel(): Promise<void> {
  const { value } = status;
  loading?.abort();
  loading = undefined;
  status.value = { kind: 'none' };
  if (value.kind === 'ready') await value.model.dispose();
}
