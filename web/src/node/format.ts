// How numbers and untrusted texts are shown to people; the one place that rounds.
export { formatBytes } from '../sizes.ts';

export function formatCount(n: number): string {
  return n.toLocaleString('en-US');
}

export function formatMs(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** A duration that is only an estimate. */
export function formatEta(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export function formatRate(perSecond: number): string {
  return `${perSecond.toFixed(1)} tokens/s`;
}

/** Text from a file, in one line and without what would command the terminal; cut to `width`. */
export function formatText(text: string, width = Infinity): string {
  const line = text.replaceAll(/\p{Cc}/gu, escapeControl);
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}

/** The same, but line breaks stay. */
export function formatLines(text: string): string {
  return text.replaceAll(/(?!\n)\p{Cc}/gu, escapeControl);
}

function escapeControl(character: string): string {
  const short = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Rows as aligned columns; columns whose first row says ">…" are aligned to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const [header = []] = rows;
  const right = header.map((title) => title.startsWith('>'));
  const cells = rows.map((row, i) => (i === 0 ? row.map((cell) => cell.replace(/^>/, '')) : row));
  const widths = header.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const pad = (cell: string, column: number): string =>
    right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return cells.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
