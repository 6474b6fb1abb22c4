// Streams of what arrives before a request's answer: a reader's queue, and a generation's pieces with its result.
import type { Request } from './connection.ts';
import type { GenerateResult, Piece } from './protocol.ts';

/** Items that have arrived, for readers that wait for more. */
export class Inbox<T> {
  #items: T[] = [];
  #ended = false;
  #change = Promise.withResolvers<void>();

  push(item: T): void {
    this.#items.push(item);
    this.#notify();
  }

  /** No more items come once `answer` settles; if it fails, those that nobody has taken are dropped. */
  endWith(answer: Promise<unknown>): void {
    const end = (): void => {
      this.#ended = true;
      this.#notify();
    };
    answer.then(end, () => {
      this.#items = [];
      end();
    });
  }

  /** The next item as soon as there is one; undefined after the end. */
  async take(): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#ended) await this.#change.promise;
    return this.#items.shift();
  }

  #notify(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

/**
 * A running generation. Iterate it once; leaving the loop early cancels it.
 *
 *     const stream = model.generate('Once upon a time');
 *     for await (const piece of stream) process.stdout.write(piece.text);
 *     const { stopReason } = await stream.result;
 */
export class GenerationStream implements AsyncIterableIterator<Piece, undefined> {
  /** Settles when the generation ends; rejects with the PipitError that ended it. Need not be awaited. */
  readonly result: Promise<GenerateResult>;
  readonly #request: Request<'generate'>;
  readonly #pieces: Inbox<Piece>;
  #isLeft = false;

  constructor(request: Request<'generate'>, pieces: Inbox<Piece>) {
    this.#request = request;
    this.#pieces = pieces;
    this.result = request.answer;
    pieces.endWith(request.answer);
  }

  async next(): Promise<IteratorResult<Piece, undefined>> {
    const piece = this.#isLeft ? undefined : await this.#pieces.take();
    if (piece) return { done: false, value: piece };
    if (!this.#isLeft) await this.result;
    return { done: true, value: undefined };
  }

  /** Cancels what is left of the generation; `break` calls this. */
  async return(): Promise<IteratorResult<Piece, undefined>> {
    this.#isLeft = true;
    this.#request.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
