// Whether the loaded model was loaded with other settings than those of now.
import { computed, effect, signal } from '@preact/signals';
import { model } from './model.ts';
import { loadOptions } from './settings.ts';

const loadedWith = signal('');

export const needsReload = computed(
  () => model.value !== null && loadedWith.value !== JSON.stringify(loadOptions.value),
);

export function followLoads(): void {
  effect(() => {
    if (model.value) loadedWith.value = JSON.stringify(loadOptions.peek());
  });
}
