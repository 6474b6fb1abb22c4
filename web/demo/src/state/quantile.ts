// Percentiles of what was measured.

/** The q-quantile (0 … 1) of at least one value, in any order: the smallest that so large a part does not exceed. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}
