// What a person has set, kept in localStorage.
import { computed, signal } from '@preact/signals';
import type { GenerateOptions, LoadOptions } from 'pipit';
import { DEFAULT_SETTINGS, type Settings, parseSettings } from './settings_schema.ts';

const KEY = 'pipit.settings';

export const settings = signal<Settings>(DEFAULT_SETTINGS);

/** For loadModel(); changes apply when the model is loaded again. */
export const loadOptions = computed<LoadOptions>(() => {
  const { kernels, kvType, threads, nCtx } = settings.value;
  return { kernels, kvType, threads: threads ?? undefined, nCtx };
});

/** For chat() and generate(). */
export const generateOptions = computed<GenerateOptions>(() => {
  const { temperature, topP, topK, minP, repeatPenalty, maxTokens, seed } = settings.value;
  const options = { temperature, topP, topK, minP, repeatPenalty, maxTokens };
  return seed === null ? options : { ...options, seed };
});

export function changeSettings(changes: Partial<Settings>): void {
  settings.value = { ...settings.value, ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.value));
  } catch {
    // Storage may be blocked or full: the settings then last as long as the page.
  }
}

export function restoreSettings(): void {
  try {
    settings.value = parseSettings(JSON.parse(localStorage.getItem(KEY) ?? '{}'));
  } catch {
    // Blocked, or not JSON: the defaults stay.
  }
}
