// Where the command line reads and writes: results on stdout, progress and remarks on stderr, text from stdin.
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

import { renameKeys, toSnake } from '../names.ts';
import { UsageError } from './arguments.ts';
import { formatEta } from './format.ts';

const TTY_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;

/** Writes to stdout and waits until a slow reader has caught up. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** One line of JSON, the objects' keys in snake_case. */
export function printJson(value: object): Promise<void> {
  const rename = (_: string, part: unknown): unknown =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? renameKeys(part, toSnake)
      : part;
  return print(`${JSON.stringify(value, rename)}\n`);
}

export function remark(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * All of stdin; what is not UTF-8 becomes U+FFFD. Throws UsageError with `hint` where stdin is a terminal: nobody would
 * know that it waits.
 */
export async function readStdin(hint: string): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError(hint);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await buffer(process.stdin));
}

/** Progress on stderr: one line, redrawn, on a terminal; otherwise a line every ten seconds. */
export class Progress {
  readonly #label: string;
  readonly #start = performance.now();
  #last = this.#start;
  #isDrawn = false;

  constructor(label: string) {
    this.#label = label;
  }

  update(done: number, total: number, extra = ''): void {
    const now = performance.now();
    const isTty = process.stderr.isTTY;
    if (now - this.#last < (isTty ? TTY_INTERVAL_MS : PLAIN_INTERVAL_MS)) return;
    this.#last = now;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const left = share > 0 ? ((now - this.#start) / 1000) * (1 / share - 1) : 0;
    const eta = share > 0 && share < 1 ? `, ${formatEta(left)} left` : '';
    const line = `${this.#label}: ${Math.floor(share * 100)} %${extra}${eta}`;
    process.stderr.write(isTty ? `\r\x1b[K${line}` : `${line}\n`);
    this.#isDrawn = true;
  }

  /** Takes the line off a terminal. */
  end(): void {
    if (this.#isDrawn && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    this.#isDrawn = false;
  }
}
