// Small arithmetic of the benchmarks: what repeated measurements say.

/** The q-quantile (0 … 1) of values in any order, between two of them where it falls there. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  const high = sorted[Math.ceil(at)]!;
  return low + (at % 1) * (high - low);
}

export interface Spread {
  median: number;
  min: number;
  max: number;
  /** In the order they were measured. */
  values: number[];
}

export function spread(values: readonly number[]): Spread {
  return {
    median: quantile(values, 0.5),
    min: Math.min(...values),
    max: Math.max(...values),
    values: [...values],
  };
}

/** How many times as large `a` is as `b`, round by round: both hold the values of the same rounds. */
export function ratio(a: Spread, b: Spread): Spread {
  return spread(a.values.map((value, round) => value / b.values[round]!));
}
