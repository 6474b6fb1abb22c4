// What tests say about errors and streams.
import assert from 'node:assert/strict';

interface Coded {
  name: string;
  code: string;
  message: string;
}

/** Asserts that `promise` rejects, within a second, with a PipitError of `code` whose message matches. */
export async function rejectsWith(
  promise: Promise<unknown>,
  code: string,
  message = /./,
): Promise<void> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error('still pending after a second')), 1000);
  try {
    await assert.rejects(Promise.race([promise, timeout.promise]), (error: Coded) =>
      isError(error, code, message),
    );
  } finally {
    clearTimeout(timer);
  }
}

export function throwsWith(run: () => unknown, code: string, message = /./): void {
  assert.throws(run, (error: Coded) => isError(error, code, message));
}

function isError(error: Coded, code: string, message: RegExp): boolean {
  assert.deepEqual([error.name, error.code], ['PipitError', code], error.message);
  assert.match(error.message, message);
  return true;
}

/** The whole text of a stream. */
export async function textOf(stream: AsyncIterable<{ text: string }>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += piece.text;
  return text;
}
