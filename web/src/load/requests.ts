// HTTP requests for a part of a file: which answers are right, which errors are worth another attempt.
import { PipitError, cancelledError, messageOf } from '../errors.ts';
import type { Tuning } from './tuning.ts';

/** What all requests for a file share. */
export interface Transfer {
  url: string;
  signal: AbortSignal;
  tuning: Tuning;
  /** Told of bytes as they arrive. */
  onBytes: (n: number) => void;
}

/** A failure that may pass. */
export class TransientError extends Error {
  /** How long the server asks to wait. */
  readonly waitMs: number;

  constructor(message: string, cause?: unknown, waitMs = 0) {
    super(message, { cause });
    this.waitMs = waitMs;
  }
}

const MAX_WAIT_MS = 30_000;
const TRANSIENT_STATUS = [408, 425, 429];

/**
 * Runs `attempt` until it succeeds or fails for good; `position` tells how far it came. Throws network when attempts
 * without progress are used up, and cancelled when the signal is aborted.
 */
export async function withRetries<T>(
  { url, signal, tuning }: Transfer,
  attempt: () => Promise<T>,
  position: () => number = () => 0,
): Promise<T> {
  let reached = 0;
  for (let failures = 1; ; failures++) {
    try {
      signal.throwIfAborted();
      return await attempt();
    } catch (error) {
      if (signal.aborted) throw cancelledError('The download', signal.reason);
      if (!(error instanceof TransientError)) throw error;
      if (position() > reached) failures = 1;
      reached = position();
      if (failures >= tuning.attempts) {
        const offline = navigator.onLine === false ? ' This device seems to be offline.' : '';
        throw new PipitError(
          'network',
          `${url} cannot be downloaded: ${error.message}, ${failures} times in a row.${offline} ` +
            'What has arrived is kept where it can be stored; try again later.',
          error.cause ?? error,
        );
      }
      await sleep(Math.max(error.waitMs, tuning.retryMs * 2 ** (failures - 1)), signal);
    }
  }
}

/** Resolves at once when the signal is aborted: whoever sleeps looks at it afterwards. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}

/** An answer whose body comes under a watch: it stalls no longer than the tuning says. */
export interface Answer {
  response: Response;
  /** The next bytes of the body; undefined at its end. Throws TransientError. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

/**
 * The answer to a GET, with the header Range when `range` is given ("bytes=0-99"). Throws not_found, network, or
 * TransientError.
 */
export async function request(transfer: Transfer, range: string | undefined): Promise<Answer> {
  const watch = new Watch(transfer);
  let response: Response;
  try {
    response = await watch.guard('no connection', () =>
      fetch(transfer.url, {
        headers: range === undefined ? {} : { Range: range },
        signal: watch.signal,
        // What pipit stores need not be in the browser's cache as well.
        cache: 'no-store',
      }),
    );
    checkStatus(transfer.url, response);
  } catch (error) {
    watch.end();
    throw error;
  }
  const reader = response.body?.getReader();
  return {
    response,
    async read() {
      const result = await watch.guard('the connection was lost', async () => await reader?.read());
      if (!result || result.done) {
        watch.end();
        return undefined;
      }
      transfer.onBytes(result.value.length);
      return result.value;
    },
    cancel: () => watch.end(),
  };
}

function checkStatus(url: string, response: Response): void {
  const { status, statusText, headers } = response;
  const told = statusText === '' ? `status ${status}` : `status ${status} (${statusText})`;
  if (status === 404 || status === 410) {
    throw new PipitError(
      'not_found',
      `There is no file at ${url}: the server answered with ${told}.`,
    );
  }
  if (status >= 500 || TRANSIENT_STATUS.includes(status)) {
    const seconds = Number(headers.get('retry-after'));
    const waitMs = Math.min(Number.isFinite(seconds) ? seconds * 1000 : 0, MAX_WAIT_MS);
    throw new TransientError(`the server answered with ${told}`, undefined, waitMs);
  }
  if (status !== 200 && status !== 206 && status !== 416) {
    throw new PipitError('network', `The server refused ${url} with ${told}. Check the address.`);
  }
  if (status !== 416 && /^text\/html\b/i.test(headers.get('content-type') ?? '')) {
    throw new PipitError(
      'network',
      `The server answered ${url} with a web page in place of a model file. The address may be that of a page about the ` +
        'file, or the network wants you to sign in first.',
    );
  }
}

/** Ends a request that stalls; every step of it begins the time anew. */
class Watch {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #stallMs: number;
  #isStalled = false;

  constructor({ signal, tuning }: Transfer) {
    this.#stallMs = tuning.stallMs;
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
  }

  async guard<T>(failure: string, step: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#isStalled = true;
      this.#controller.abort();
    }, this.#stallMs);
    try {
      return await step();
    } catch (error) {
      const seconds = Math.round(this.#stallMs / 1000);
      const message = this.#isStalled
        ? `the server sent nothing for ${seconds} seconds`
        : `${failure} (${messageOf(error)})`;
      throw new TransientError(message, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Also frees the connection of a body that nobody reads to its end. */
  end(): void {
    this.#controller.abort();
  }
}
