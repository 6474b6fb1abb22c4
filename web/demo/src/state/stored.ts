// What of models is kept on this device, and how much room there is.
import { computed, effect, signal } from '@preact/signals';
import { deleteModel, listModels, storageEstimate } from 'pipit';
import { toast } from '../ui/toast.tsx';
import { type Progress, modelStatus, openedUrl } from './model.ts';
import { panel } from './view.ts';

export type StoredModel = Awaited<ReturnType<typeof listModels>>[number];
export type Room = Awaited<ReturnType<typeof storageEstimate>>;

export const stored = signal<readonly StoredModel[]>([]);
/** null: not known yet. */
export const room = signal<Room | null>(null);
/** Why nothing can be kept here, if so. */
export const storageProblem = signal<string | null>(null);

/** Looks again. */
export async function refreshStored(): Promise<void> {
  try {
    [stored.value, room.value] = await Promise.all([listModels(), storageEstimate()]);
    storageProblem.value = null;
  } catch (error) {
    storageProblem.value = error instanceof Error ? error.message : String(error);
  }
}

export async function deleteStored(url: string): Promise<void> {
  await deleteModel(url);
  await refreshStored();
}

/** How far the loading of the model at `url` is for those who look on: what is stored counts from the beginning. */
export function shownProgress(
  url: string | null,
  { loaded, total, downloaded }: Progress,
): Progress {
  const kept = stored.value.find((model) => model.url === url);
  if (!kept || kept.complete) return { loaded, total, downloaded };
  return { loaded: Math.max(loaded, kept.storedBytes), total: total || kept.size, downloaded };
}

/** Looks now, and whenever the loading of a model has ended; says if the next visit will have to download it again. */
export function followModel(): void {
  const kind = computed(() => modelStatus.value.kind);
  effect(() => {
    if (kind.value !== 'loading') void refreshStored().then(tellOfUnkept);
  });
}

function tellOfUnkept(): void {
  const status = modelStatus.peek();
  const url = openedUrl.peek();
  if (status.kind !== 'ready' || url === null) return;
  if (stored.peek().some((model) => model.url === url && model.complete)) return;
  toast(`${status.title} is ready, but could not be kept on this device.`, {
    label: 'Why',
    run: () => (panel.value = 'models'),
  });
}
