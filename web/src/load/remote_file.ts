// A file on a server: spans of its bytes, by ranges in parallel or, where the server knows none, from one long answer.
import { PipitError } from '../errors.ts';
import { type Answer, type Transfer, TransientError, request, withRetries } from './requests.ts';
import { Slots } from '../slots.ts';

/** What tells one version of a file from another; null or 0: not told. */
export interface Identity {
  etag: string | null;
  lastModified: string | null;
  size: number;
}

/** The file behind a URL is not the one that it was. */
export class FileChangedError extends PipitError {
  constructor(url: string) {
    super(
      'network',
      `The file at ${url} was changed on the server while it was loaded. Load it again.`,
    );
  }
}

/** An answer, and where in the file the next byte of its body lies. */
interface Stream {
  answer: Answer;
  position: number;
  /** Of what has arrived: what nobody has read. */
  rest: Uint8Array;
}

export class RemoteFile {
  readonly identity: Identity;
  readonly #transfer: Transfer;
  readonly #closed = new AbortController();
  readonly #lanes: Slots;
  readonly #laneBytes: number;
  /** The answer to open()'s request, until somebody reads at its position. */
  #first: Stream | undefined;
  /** In place of ranges: one long answer, whose readers take turns. */
  #stream: Stream | undefined;
  #isRanged = true;
  readonly #turn = new Slots(1);

  /**
   * Asks for the file from `position` on. `known` is what is known of it; throws FileChangedError when the server has
   * another file now, not_found, or network.
   */
  static async open(transfer: Transfer, position: number, known?: Identity): Promise<RemoteFile> {
    const file = new RemoteFile(transfer, known);
    try {
      await withRetries(file.#transfer, () => file.#open(position));
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  private constructor(transfer: Transfer, known: Identity | undefined) {
    const { lanes, chunkBytes } = transfer.tuning;
    const signal = AbortSignal.any([transfer.signal, this.#closed.signal]);
    this.#transfer = { ...transfer, signal };
    this.#lanes = new Slots(lanes);
    this.#laneBytes = Math.ceil(chunkBytes / lanes);
    this.identity = known ? { ...known } : { etag: null, lastModified: null, size: 0 };
  }

  /**
   * Bytes `start` … `end`; fewer only at the end of a file whose size was not known before. The last part of them is not
   * asked for before `gate`.
   */
  async read(start: number, end: number, gate: Promise<void>): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(end - start);
    const pieces: Promise<number>[] = [];
    for (let at = 0; at < target.length; at += this.#laneBytes) {
      const piece = target.subarray(at, at + this.#laneBytes);
      const readPiece = async (): Promise<number> => {
        if (at + piece.length === target.length) await gate;
        return await this.#readRange(piece, start + at);
      };
      pieces.push(this.#lanes.use(readPiece));
    }
    const lengths = await Promise.all(pieces);
    return target.subarray(
      0,
      lengths.reduce((a, b) => a + b),
    );
  }

  /** Ends all requests. */
  close(): void {
    this.#closed.abort();
  }

  async #open(position: number): Promise<void> {
    const answer = await this.#ask(position, position + this.#laneBytes).catch((error: unknown) => {
      // A server of another origin may forbid the header Range, and Chromium refuses a compressed answer to it.
      const isRefused = error instanceof TransientError && error.cause instanceof TypeError;
      if (position === 0 && isRefused) return undefined;
      throw error;
    });
    if (answer && this.identity.size > 0) {
      this.#first = { answer, position, rest: new Uint8Array() };
      return;
    }
    // A size that the server tells of a range only, but not to pages of others, it tells of the whole.
    answer?.cancel();
    this.#isRanged = false;
    if (!this.#stream) await this.#openStream(0);
  }

  /** Asks for a range. undefined: the server knows no ranges; it has answered with the file, which becomes the stream. */
  async #ask(start: number, end: number): Promise<Answer | undefined> {
    const { size } = this.identity;
    const answer = await request(
      this.#transfer,
      `bytes=${start}-${(size > 0 ? Math.min(size, end) : end) - 1}`,
    );
    try {
      if (answer.response.status === 416 && start === 0) {
        answer.cancel(); // an empty file has no range
        return undefined;
      }
      if (this.#checkRange(answer.response, start)) return answer;
    } catch (error) {
      answer.cancel();
      throw error;
    }
    this.#isRanged = false;
    if (this.#stream) answer.cancel();
    else this.#stream = { answer, position: 0, rest: new Uint8Array() };
    return undefined;
  }

  /** Whether the answer is the range that was asked for, and not the whole file. Throws what else it is. */
  #checkRange({ status, headers }: Response, start: number): boolean {
    if (status === 416) throw new FileChangedError(this.#transfer.url);
    if (status === 200) {
      // The header counts compressed bytes where the body is compressed.
      const size = headers.has('content-encoding') ? 0 : Number(headers.get('content-length'));
      this.#identify(headers, size);
      return false;
    }
    // Not shown to pages of other origins unless the server allows it.
    const range = headers.get('content-range');
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? '') ?? [];
    if (range && Number(first) !== start) {
      throw new TransientError(`the server answered a request for byte ${start} with '${range}'`);
    }
    this.#identify(headers, Number(total) || 0);
    return true;
  }

  /** Takes what the headers tell of the file's version; throws FileChangedError when it is another one. */
  #identify(headers: Headers, size: number): void {
    // The same file is "abc", and W/"abc" when it comes compressed.
    const etag = headers.get('etag')?.replace(/^W\//, '') ?? null;
    const told: Identity = { etag, lastModified: headers.get('last-modified'), size };
    for (const key of ['etag', 'lastModified', 'size'] as const) {
      if (told[key] && this.identity[key] && told[key] !== this.identity[key]) {
        throw new FileChangedError(this.#transfer.url);
      }
    }
    this.identity.etag ??= told.etag;
    this.identity.lastModified ??= told.lastModified;
    this.identity.size ||= told.size;
  }

  /** Fills `target`; returns how many bytes there were. */
  async #readRange(target: Uint8Array, start: number): Promise<number> {
    let filled = 0;
    await withRetries(
      this.#transfer,
      async () => {
        while (this.#isRanged && filled < target.length) {
          const answer =
            this.#takeFirst(start + filled) ??
            (await this.#ask(start + filled, start + target.length));
          if (!answer) return;
          const before = filled;
          for (let bytes = await answer.read(); bytes; bytes = await answer.read()) {
            const part = bytes.subarray(0, target.length - filled);
            target.set(part, filled);
            filled += part.length;
            if (part.length < bytes.length) break;
          }
          answer.cancel();
          if (filled === before) throw new TransientError('the server sent an empty answer');
        }
      },
      () => filled,
    );
    if (filled === target.length) return filled;
    return filled + (await this.#readStream(target.subarray(filled), start + filled));
  }

  #takeFirst(position: number): Answer | undefined {
    if (this.#first?.position !== position) return undefined;
    const { answer } = this.#first;
    this.#first = undefined;
    return answer;
  }

  /** Fills `target` from the stream; returns how many bytes there were. */
  async #readStream(target: Uint8Array, start: number): Promise<number> {
    let filled = 0;
    const attempt = async (): Promise<void> => {
      if (!this.#stream || this.#stream.position > start + filled) {
        await this.#openStream(start + filled);
      }
      const stream = this.#stream!;
      try {
        while (filled < target.length && (await this.#refill(stream))) {
          // What comes before the start is of an answer that could not begin there.
          const skipped = Math.min(start + filled - stream.position, stream.rest.length);
          const part = stream.rest.subarray(skipped, skipped + target.length - filled);
          target.set(part, filled);
          filled += part.length;
          stream.position += skipped + part.length;
          stream.rest = stream.rest.subarray(skipped + part.length);
        }
        const isEnd = stream.position === this.identity.size;
        if (isEnd && (await this.#refill(stream))) throw new FileChangedError(this.#transfer.url);
      } catch (error) {
        stream.answer.cancel();
        this.#stream = undefined;
        throw error;
      }
    };
    await this.#turn.use(() => withRetries(this.#transfer, attempt, () => filled));
    return filled;
  }

  /** Whether there are more bytes, then in stream.rest. Throws TransientError where the file is longer. */
  async #refill(stream: Stream): Promise<boolean> {
    if (stream.rest.length > 0) return true;
    const bytes = await stream.answer.read();
    if (bytes) {
      stream.rest = bytes;
      return true;
    }
    const { size } = this.identity;
    if (stream.position < size) {
      throw new TransientError(`the answer ended after ${stream.position} of ${size} bytes`);
    }
    this.identity.size ||= stream.position;
    return false;
  }

  async #openStream(position: number): Promise<void> {
    this.#stream?.answer.cancel();
    this.#stream = undefined;
    const answer = await request(this.#transfer, position > 0 ? `bytes=${position}-` : undefined);
    try {
      const begins = this.#checkRange(answer.response, position) ? position : 0;
      this.#stream = { answer, position: begins, rest: new Uint8Array() };
    } catch (error) {
      answer.cancel();
      throw error;
    }
  }
}
