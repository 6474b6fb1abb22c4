// How the benchmarks' tables show what was measured.
import { formatTable } from '../../dist/node/format.js';

/** Median and spread, for instance "74.0 (72.1-75.3)". */
export function cell({ median, min, max }, digits = 1) {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
}

/**
 * A column for each host's result, and whether what is asked for is kept. A row: [title, show(result), isKept(result), bar];
 * the last two only where something is asked for.
 */
export function tableOfBars(title, results, rows) {
  const head = [title, ...results.map(({ host }) => `>${host}`), '>bar', '>kept'];
  const lines = rows.map(([name, show, isKept, bar]) => [
    name,
    ...results.map(show),
    bar ?? '',
    isKept ? (results.every(isKept) ? 'yes' : 'NO') : '',
  ]);
  return formatTable([head, ...lines]);
}
