// The one model that the page has loaded, or why there is none.
import { computed, signal } from '@preact/signals';
import {
  type LanguageModel,
  type LoadOptions,
  type ModelInfo,
  PipitError,
  listModels,
  loadModel,
} from 'pipit';
import { titleOf } from './catalog.ts';
import { loadOptions } from './settings.ts';
import { Speedometer } from './speed.ts';

type ModelSource = Parameters<typeof loadModel>[0];
export type Progress = Parameters<NonNullable<LoadOptions['onProgress']>>[0];

export type ModelStatus =
  | { kind: 'none' }
  /** `speed`: bytes that come from the network in a second. */
  | { kind: 'loading'; title: string; progress: Progress; speed: number }
  | { kind: 'paused'; title: string; progress: Progress }
  | { kind: 'ready'; title: string; model: LanguageModel }
  | { kind: 'failed'; title: string; error: PipitError };

const status = signal<ModelStatus>({ kind: 'none' });
export const modelStatus = computed(() => status.value);

/** The loaded model, or null. */
export const model = computed(() => (status.value.kind === 'ready' ? status.value.model : null));

/** What openModel() was last called with, for loading it again. */
interface Opened {
  title: string;
  source: ModelSource;
  options: LoadOptions;
}

/** How often the speed of a download is told at least. */
const SPEED_MS = 1000;

const opened = signal<Opened | null>(null);
let loading: AbortController | undefined;

/** The address of what was opened last; null: a file, or nothing. */
export const openedUrl = computed(() => {
  const source = opened.value?.source;
  return typeof source === 'string' ? source : null;
});

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
  opened.value = { title, source, options };
  const controller = new AbortController();
  loading = controller;
  // A load that closeModel() or a later openModel() has ended has no say any more.
  const report = (next: ModelStatus): void => {
    if (loading === controller) status.value = next;
  };
  const speed = new Speedometer();
  let progress: Progress = { loaded: 0, total: 0, downloaded: 0 };
  const onProgress = (news = progress): void => {
    progress = news;
    speed.add(progress.downloaded);
    report({ kind: 'loading', title, progress, speed: speed.perSecond });
  };
  onProgress();
  // A server that stalls reports nothing, and its speed falls all the same.
  const timer = setInterval(onProgress, SPEED_MS);
  try {
    const { signal } = controller;
    const model = await loadModel(source, {
      ...loadOptions.peek(),
      ...options,
      signal,
      onProgress,
    });
    if (loading !== controller) {
      await model.dispose();
      return;
    }
    if (!model.info.makesText) {
      await model.dispose();
      throw new PipitError('unsupported', embeddingModel(model.info));
    }
    report({ kind: 'ready', title, model });
    remember(openedUrl.value);
  } catch (error) {
    report({ kind: 'failed', title, error: PipitError.from(error) });
  } finally {
    clearInterval(timer);
  }
}

const embeddingModel = ({ architecture }: ModelInfo): string =>
  `This is an embedding model (${architecture}): it makes vectors of texts, and cannot write. Open a language model.`;

/**
 * Loads the same model again, with the settings of now; not for a stream, which can be read only once. What was downloaded
 * of it is there already.
 */
export async function reopenModel(): Promise<void> {
  const { value } = opened;
  if (value) await openModel(value.title, value.source, value.options);
}

/** Ends the loaded model, or the loading of one. */
export async function closeModel(): Promise<void> {
  const { value } = status;
  loading?.abort();
  loading = undefined;
  status.value = { kind: 'none' };
  if (value.kind === 'ready') await value.model.dispose();
}

/** Ends the loading; reopenModel() goes on with it. */
export async function pauseModel(): Promise<void> {
  const { value } = status;
  await closeModel();
  if (value.kind === 'loading') {
    status.value = { kind: 'paused', title: value.title, progress: value.progress };
  }
}

const KEY = 'pipit.model';

/** Keeps the address of the model that the next visit begins with; null: none. */
export function remember(url: string | null): void {
  try {
    if (url === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, url);
  } catch {
    // Storage may be blocked: the next visit then begins without a model.
  }
}

/** Loads the model of the last visit if it is on this device, whole: nobody wants a download that they did not ask for. */
export async function restoreModel(): Promise<void> {
  try {
    const url = localStorage.getItem(KEY);
    const isHere = (await listModels()).some((model) => model.url === url && model.complete);
    if (url && isHere && status.value.kind === 'none') await openModel(titleOf(url), url);
  } catch {
    // Storage may be blocked: there is nothing to restore then.
  }
}
