// What is known of the loaded model's speed and memory.
import { effect, signal } from '@preact/signals';
import type { GenerateResult, ModelStats } from 'pipit';
import { model } from './model.ts';

export interface AnswerStatistics {
  result: GenerateResult;
  /** Milliseconds from each token to the next, as they reached the page. */
  latencies: readonly number[];
}

/** null: the model has answered nothing yet. */
export const lastAnswer = signal<AnswerStatistics | null>(null);
export const modelStats = signal<ModelStats | null>(null);

/** Keeps modelStats at what it was after the model was loaded and after its last answer. */
export function followStatistics(): void {
  effect(() => {
    if (model.value === null) lastAnswer.value = null;
    else void lastAnswer.value;
    void refresh();
  });
}

async function refresh(): Promise<void> {
  const asked = model.peek();
  try {
    const stats = asked && (await asked.stats());
    if (asked === model.peek()) modelStats.value = stats;
  } catch {
    // A model that was closed meanwhile has none.
  }
}
