// The worker's side of the protocol: one model, its sessions, and the requests to them. Knows no environment.
import { PipitError, toWire } from './errors.ts';
import { type Emit, embed, generate, logits, score } from './jobs.ts';
import {
  type LoadCalls,
  type LoadEnvironment,
  type LoadedModel,
  inspectFile,
  loadEngine,
} from './load/load_engine.ts';
import type {
  Answers,
  FromWorker,
  ModelStats,
  RequestBody,
  SessionRef,
  ToWorker,
} from './protocol.ts';
import { Scheduler, type Steps } from './scheduler.ts';

/** What the worker needs from where it runs: a browser's worker, Node's, or a test. */
export interface WorkerEnvironment<Source> extends LoadEnvironment<Source> {
  post(message: FromWorker, transfer?: ArrayBuffer[]): void;
}

type Answer = Answers[keyof Answers];
type LoadBody<Source> = Extract<RequestBody<Source>, { type: 'load' | 'inspect' }>;

export class ModelWorker<Source> {
  readonly #environment: WorkerEnvironment<Source>;
  readonly #scheduler: Scheduler<Answer>;
  /** Loads and inspections that are running. */
  readonly #loads = new Map<number, AbortController>();
  /** The client's numbers of sessions to the engine's. */
  readonly #sessions = new Map<number, number>();
  #loaded: LoadedModel | undefined;

  constructor(environment: WorkerEnvironment<Source>) {
    this.#environment = environment;
    this.#scheduler = new Scheduler({
      nextTask: () => environment.nextTask(),
      onDone: (id, answer) => this.#done(id, answer),
      onError: (id, error) => this.#fail(id, error),
    });
  }

  receive(message: ToWorker<Source>): void {
    const { id } = message;
    switch (message.type) {
      case 'request':
        this.#request(id, message.body);
        break;
      case 'cancel':
        this.#loads.get(id)?.abort();
        this.#scheduler.cancel(id);
        break;
      case 'pull':
        this.#scheduler.wake(id);
        break;
    }
  }

  #request(id: number, body: RequestBody<Source>): void {
    const emit: Emit = (event, transfer) =>
      this.#environment.post({ type: 'event', id, event }, transfer);
    switch (body.type) {
      case 'load':
      case 'inspect':
        void this.#load(id, body, emit);
        break;
      // These take one short call each, so they need not wait for their turn.
      case 'tokenize':
        this.#settle(id, ({ engine }) =>
          engine.tokenize(body.text, body.addSpecial, body.parseSpecial),
        );
        break;
      case 'detokenize':
        this.#settle(id, ({ engine }) => engine.detokenize(body.tokens, body.special));
        break;
      case 'stats':
        this.#settle(id, stats);
        break;
      case 'createSession':
        this.#schedule(id, body.session, () => once(() => this.#session(body.session)));
        break;
      case 'disposeSession':
        this.#schedule(id, body.session, () => once(() => this.#disposeSession(body.session)));
        break;
      case 'generate':
        this.#schedule(id, body.session, () =>
          generate(this.#model, this.#session(body.session), body.prompt, body.options, emit),
        );
        break;
      case 'score':
        this.#schedule(id, body.session, () =>
          score(this.#model, this.#session(body.session), body.prompt, body.candidates),
        );
        break;
      case 'logits':
        this.#scheduler.add({
          id,
          lane: 'logits',
          start: () => logits(this.#model, body.tokens, body.nCtx, emit),
        });
        break;
      case 'embed':
        this.#scheduler.add({
          id,
          lane: 'embed',
          start: () => embed(this.#model, body.texts, body.pooling, emit),
        });
        break;
    }
  }

  /** Requests of one session run in order. */
  #schedule(id: number, session: SessionRef, start: () => Steps<Answer>): void {
    this.#scheduler.add({ id, lane: session.id, start });
  }

  async #load(id: number, body: LoadBody<Source>, emit: Emit): Promise<void> {
    const abort = new AbortController();
    this.#loads.set(id, abort);
    const calls: LoadCalls = {
      signal: abort.signal,
      onProgress: (progress) => emit({ type: 'progress', ...progress }),
    };
    try {
      if (body.type === 'inspect') {
        this.#done(id, await inspectFile(this.#environment, body, calls));
      } else {
        this.#loaded = await loadEngine(this.#environment, body, calls);
        this.#done(id, this.#loaded.info);
      }
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#loads.delete(id);
    }
  }

  #settle(id: number, run: (model: LoadedModel) => Answer): void {
    try {
      this.#done(id, run(this.#model));
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #done(id: number, answer: Answer): void {
    this.#environment.post({ type: 'done', id, answer });
  }

  #fail(id: number, error: unknown): void {
    this.#environment.post({ type: 'error', id, error: toWire(PipitError.from(error)) });
  }

  get #model(): LoadedModel {
    if (!this.#loaded) throw new PipitError('internal', 'No model is loaded yet.');
    return this.#loaded;
  }

  /** The engine's number of the session, which is created when it is first used. */
  #session({ id, options }: SessionRef): number {
    let session = this.#sessions.get(id);
    if (session === undefined) {
      session = this.#model.engine.createSession(options);
      this.#sessions.set(id, session);
    }
    return session;
  }

  #disposeSession({ id }: SessionRef): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    this.#model.engine.disposeSession(session);
  }
}

/** A request of a single step. */
// eslint-disable-next-line require-yield -- it has no step to yield after
function* once(run: () => void): Steps<null> {
  run();
  return null;
}

function stats({ engine, info, loadMs, warnings }: LoadedModel): ModelStats {
  const { kvBytes, outputHead, wasmMemoryBytes } = engine;
  const { kernels, kvType, nThreads: threads } = info;
  return { kernels, threads, kvType, kvBytes, outputHead, wasmMemoryBytes, loadMs, warnings };
}
