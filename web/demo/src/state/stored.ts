// What of models is kept on this device, and how much room there is.
import { computed, effect, signal } from '@preact/signals';
import { deleteModel, listModels, storageEstimate } from 'pipit';
import { modelStatus } from './model.ts';

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

/** Looks now, and whenever the loading of a model has ended. */
export function followModel(): void {
  const kind = computed(() => modelStatus.value.kind);
  effect(() => {
    if (kind.value !== 'loading') void refreshStored();
  });
}
