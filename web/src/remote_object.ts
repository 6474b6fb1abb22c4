// Calls of an object's methods over a MessagePort: how a worker uses what only its page has.
import { PipitError, type WireError, fromWire, toWire } from './errors.ts';

interface Call {
  id: number;
  method: string;
  args: unknown[];
}

type Reply = { id: number; result: unknown } | { id: number; error: WireError };

/** In Node a port that listens keeps the process alive. */
type AnyPort = MessagePort & { unref?(): void };

/**
 * The port for the other side, which may then call `methods` of `object`. `translate` turns what a method threw into the
 * error that the other side gets.
 */
export function serveObject(
  object: object,
  methods: readonly string[],
  translate: (error: unknown) => PipitError = PipitError.from,
): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<Call>) => void answer(data);
  (port1 as AnyPort).unref?.();
  return port2;

  async function answer({ id, method, args }: Call): Promise<void> {
    try {
      if (!methods.includes(method)) throw new PipitError('internal', `There is no ${method}().`);
      const run = (object as Record<string, (...args: unknown[]) => unknown>)[method]!;
      const result = await run.apply(object, args);
      port1.postMessage({ id, result } satisfies Reply);
    } catch (error) {
      port1.postMessage({ id, error: toWire(translate(error)) } satisfies Reply);
    }
  }
}

/** The other side of serveObject(). */
export class RemoteObject {
  readonly #port: AnyPort;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #nextId = 1;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Reply>) => {
      const pending = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if ('error' in data) pending?.reject(fromWire(data.error));
      else pending?.resolve(data.result);
    };
  }

  call(method: string, ...args: unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    const pending = Promise.withResolvers<unknown>();
    this.#pending.set(id, pending);
    this.#port.postMessage({ id, method, args } satisfies Call);
    return pending.promise;
  }

  close(): void {
    this.#port.close();
  }
}
