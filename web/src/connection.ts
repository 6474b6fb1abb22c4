// The client's side of the protocol: requests to one worker, each settled exactly once, whatever happens to the worker.
import { PipitError, cancelledError, fromWire, messageOf } from './errors.ts';
import type { Answers, Event, FromWorker, RequestBody, ToWorker } from './protocol.ts';

/** A worker of any kind, as the client sees it. */
export interface WorkerHandle {
  post(message: ToWorker, transfer?: Transferable[]): void;
  /** `onDeath` is called when the worker ends or fails, with the reason. Called once, before any post. */
  listen(onMessage: (message: FromWorker) => void, onDeath: (reason: unknown) => void): void;
  terminate(): void | Promise<void>;
  /** Whether the worker keeps the process alive; only Node has this. */
  setBusy?(busy: boolean): void;
}

export interface RequestOptions {
  signal?: AbortSignal;
  /** What of the request moves to the worker. */
  transfer?: Transferable[];
  onEvent?: (event: Event) => void;
}

interface Pending {
  settle: (error: unknown, answer?: unknown) => void;
  onEvent: (event: Event) => void;
}

/** A request on its way: its answer, and what can be told to the worker about it. */
export interface Request<Type extends keyof Answers> {
  answer: Promise<Answers[Type]>;
  /** Rejects the answer at once and tells the worker to stop; without effect once it has settled. */
  cancel(reason?: unknown): void;
  /** Allows one more logits chunk. */
  pull(): void;
}

export class Connection {
  readonly #worker: WorkerHandle;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  /** Why no request can be answered any more. */
  #closed: PipitError | undefined;

  constructor(worker: WorkerHandle) {
    this.#worker = worker;
    worker.listen(
      (message) => this.#receive(message),
      (reason) => {
        this.#close(workerDied(reason));
        // It may have failed and still be there.
        void this.#worker.terminate();
      },
    );
    worker.setBusy?.(false);
  }

  /** Sends a request. Its answer never becomes an unhandled rejection: who wants the error awaits it. */
  request<Type extends keyof Answers>(
    body: Extract<RequestBody, { type: Type }>,
    { signal, transfer, onEvent = () => {} }: RequestOptions = {},
  ): Request<Type> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Answers[Type]>();
    promise.catch(() => {});
    const cancel = (reason?: unknown): void => {
      const pending = this.#pending.get(id);
      if (!pending) return;
      this.#worker.post({ type: 'cancel', id });
      pending.settle(cancelledError(`The ${body.type} request`, reason));
    };
    const pull = (): void => {
      if (this.#pending.has(id)) this.#worker.post({ type: 'pull', id });
    };
    if (this.#closed) {
      reject(this.#closed);
    } else if (signal?.aborted) {
      reject(cancelledError(`The ${body.type} request`, signal.reason));
    } else {
      const onAbort = (): void => cancel(signal?.reason);
      signal?.addEventListener('abort', onAbort);
      const settle = (error: unknown, answer?: unknown): void => {
        this.#pending.delete(id);
        signal?.removeEventListener('abort', onAbort);
        if (this.#pending.size === 0) this.#worker.setBusy?.(false);
        if (error === undefined) resolve(answer as Answers[Type]);
        else reject(error);
      };
      if (this.#pending.size === 0) this.#worker.setBusy?.(true);
      this.#pending.set(id, { settle, onEvent });
      this.#post({ type: 'request', id, body }, transfer);
    }
    return { answer: promise, cancel, pull };
  }

  /** Ends the worker; what is pending, and every later request, is rejected as cancelled. */
  async dispose(what: string): Promise<void> {
    this.#close(new PipitError('cancelled', `${what} was disposed.`));
    await this.#worker.terminate();
  }

  #post(message: ToWorker & { type: 'request' }, transfer?: Transferable[]): void {
    try {
      this.#worker.post(message, transfer);
    } catch (error) {
      this.#pending
        .get(message.id)
        ?.settle(
          PipitError.from(error, 'invalid_argument', 'The request cannot be sent to the worker: '),
        );
    }
  }

  #receive(message: FromWorker): void {
    // Nobody waits for what comes after a cancel.
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    switch (message.type) {
      case 'event':
        try {
          pending.onEvent(message.event);
        } catch (error) {
          // A caller's own callback threw: that ends the caller's request, not the connection.
          this.#worker.post({ type: 'cancel', id: message.id });
          pending.settle(error);
        }
        break;
      case 'done':
        pending.settle(undefined, message.answer);
        break;
      case 'error':
        pending.settle(fromWire(message.error));
        break;
    }
  }

  #close(error: PipitError): void {
    if (this.#closed) return;
    this.#closed = error;
    for (const { settle } of [...this.#pending.values()]) settle(error);
  }
}

function workerDied(reason: unknown): PipitError {
  if (reason instanceof PipitError) return reason;
  const message = `The worker ended before it answered (${messageOf(reason)}). Load the model again.`;
  return new PipitError('worker_died', message, reason);
}
