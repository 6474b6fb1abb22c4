// How the benchmarks' tables show a measurement.

/** Median and spread, for instance "74.0 (72.1-75.3)". */
export function cell({ median, min, max }, digits = 1) {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}
