// Numbers as people read them.

const number = new Intl.NumberFormat('en');
const fixed1 = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** 98,362,432 → "98.4 MB". */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = n;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? whole(value) : fixed1.format(value)} ${units[unit]}`;
}

/** 340 → "340 ms", 2,340 → "2.3 s", 23,400 → "23 s", 200,000 → "3 min 20 s". */
export function duration(ms: number): string {
  if (ms < 10) return `${fixed1.format(ms)} ms`;
  if (ms < 999.5) return `${whole(ms)} ms`;
  if (ms < 9950) return `${fixed1.format(ms / 1000)} s`;
  if (ms < 59_500) return `${whole(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** 8,192 → "8,192". */
export function whole(n: number): string {
  return number.format(Math.round(n));
}

/** 131.4 → "131", 9.43 → "9.4". */
export function rate(n: number): string {
  return n >= 99.95 ? whole(n) : fixed1.format(n);
}

/** 0.123 → "12.3 %". */
export function percent(fraction: number): string {
  return `${fixed1.format(100 * fraction)} %`;
}

/** "1 message", "2 messages". */
export function count(n: number, noun: string): string {
  return `${whole(n)} ${noun}${n === 1 ? '' : 's'}`;
}
