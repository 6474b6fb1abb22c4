// A page's ReadableStream for its worker: not every browser can transfer one, so its parts are asked for over a port.
import { describe, invalid } from './check.ts';
import { PipitError } from './errors.ts';
import { serveObject } from './remote_object.ts';

const PART_BYTES = 1 << 20;

export function serveStream(stream: ReadableStream<Uint8Array>): MessagePort {
  const reader = stream.getReader();
  const object = {
    /** About a megabyte: a message has its price. undefined: the stream has ended. */
    async read(): Promise<Uint8Array | undefined> {
      const parts: Uint8Array[] = [];
      let length = 0;
      while (length < PART_BYTES) {
        const { done, value } = (await reader.read()) as ReadableStreamReadResult<unknown>;
        if (done) break;
        if (!(value instanceof Uint8Array)) {
          throw invalid(`The stream must give Uint8Arrays, not ${describe(value)}.`);
        }
        parts.push(value);
        length += value.length;
      }
      if (length === 0) return undefined;
      const whole = new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      return whole;
    },
    cancel: () => reader.cancel(),
  };
  return serveObject(object, ['read', 'cancel'], (error) =>
    PipitError.from(error, 'io', 'The stream cannot be read: '),
  );
}
