// A model file that is fetched, or that the page holds as a Blob or File, as a ByteSource.
import { PipitError, messageOf } from '../errors.ts';
import type { ByteSource } from '../load_engine.ts';

export type BrowserSource = { url: string } | { blob: Blob };

/** Throws not_found or io for what cannot be fetched. */
export async function openSource(source: BrowserSource): Promise<ByteSource> {
  if ('blob' in source) {
    return new StreamSource(source.blob.stream(), source.blob.size, 'The file');
  }
  const response = await translate(source.url, () => fetch(source.url));
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    const code = response.status === 404 ? 'not_found' : 'io';
    throw new PipitError(code, `The server answered ${source.url} with ${describe(response)}.`);
  }
  return new StreamSource(response.body, contentBytes(response.headers), source.url);
}

class StreamSource implements ByteSource {
  readonly size: number;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #what: string;
  /** What has arrived and has not been read. */
  #rest = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>, size: number, what: string) {
    this.#reader = stream.getReader();
    this.size = size;
    this.#what = what;
  }

  /** Fills `target`, less only at the end: a stream's chunks are small, and each step has its price. */
  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#rest.length === 0) {
        const { done, value } = await translate(this.#what, () => this.#reader.read());
        if (done) break;
        this.#rest = value as Uint8Array<ArrayBuffer>;
      }
      const part = this.#rest.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return filled;
  }

  async close(): Promise<void> {
    // A stream that has failed cannot be cancelled any more; why it failed is known by then.
    await this.#reader.cancel().catch(() => {});
  }
}

/** 0, unknown, where the body is compressed: the header then counts the compressed bytes. */
function contentBytes(headers: Headers): number {
  return headers.has('content-encoding') ? 0 : Number(headers.get('content-length'));
}

function describe({ status, statusText }: Response): string {
  return statusText === '' ? `status ${status}` : `status ${status} (${statusText})`;
}

async function translate<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new PipitError('io', `${what} cannot be read: ${messageOf(error)}.`, error);
  }
}
