// Stream: an answer's chunks as the openai package hands them out, with a controller that stops them.
import { invalid } from '../check.ts';

/**
 * To be iterated once. Leaving the loop, or aborting the controller, cancels the generation; after an abort, also by
 * the request's signal, the loop just ends.
 */
export class Stream<Item> implements AsyncIterable<Item> {
  readonly controller: AbortController;
  readonly #items: AsyncIterable<Item>;
  readonly #signal: AbortSignal;
  #isRead = false;

  /** `signal`, which the controller aborts too, ends the `items` with an error. */
  constructor(items: AsyncIterable<Item>, controller: AbortController, signal: AbortSignal) {
    this.#items = items;
    this.controller = controller;
    this.#signal = signal;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    if (this.#isRead) throw invalid('A stream can be read only once.');
    this.#isRead = true;
    let isWhole = false;
    try {
      yield* this.#items;
      isWhole = true;
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      if (!isWhole) this.controller.abort();
    }
  }

  /** A line of JSON for each chunk, in UTF-8; cancelling it cancels the generation. */
  toReadableStream(): ReadableStream<Uint8Array> {
    const chunks = this[Symbol.asyncIterator]();
    const encoder = new TextEncoder();
    return new ReadableStream({
      pull: async (target) => {
        const { done, value } = await chunks.next();
        if (done) target.close();
        else target.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
      },
      cancel: () => this.controller.abort(),
    });
  }
}
