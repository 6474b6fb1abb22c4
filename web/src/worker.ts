// The worker's side of the protocol: one model, requests in order, cancelled between steps. Knows no environment.
import { chatTokens } from './chat_template.ts';
import { PipitError, cancelledError, toWire } from './errors.ts';
import {
  type LoadCalls,
  type LoadEnvironment,
  type LoadedModel,
  inspectFile,
  loadEngine,
} from './load/load_engine.ts';
import type {
  Answers,
  Event,
  FromWorker,
  GenerateResult,
  ModelDescription,
  ModelInfo,
  ModelStats,
  Prompt,
  RequestBody,
  ToWorker,
} from './protocol.ts';

/** What the worker needs from where it runs: a browser's worker, Node's, or a test. */
export interface WorkerEnvironment<Source> extends LoadEnvironment<Source> {
  post(message: FromWorker, transfer?: ArrayBuffer[]): void;
}

type Body<Type extends RequestBody['type'], Source> = Extract<RequestBody<Source>, { type: Type }>;

/** A request that takes several steps; one runs at a time, in the order of arrival. */
interface Job<Source> {
  id: number;
  body: RequestBody<Source>;
  abort: AbortController;
  /** Logits chunks that the reader has asked for and not got. */
  pulls: number;
  /** Continues a job that waits for a pull. */
  wake: () => void;
}

export class ModelWorker<Source> {
  readonly #environment: WorkerEnvironment<Source>;
  readonly #queue: Job<Source>[] = [];
  #running: Job<Source> | undefined;
  #loaded: LoadedModel | undefined;

  constructor(environment: WorkerEnvironment<Source>) {
    this.#environment = environment;
  }

  receive(message: ToWorker<Source>): void {
    switch (message.type) {
      case 'request':
        this.#request(message.id, message.body);
        break;
      case 'cancel':
        this.#cancel(message.id);
        break;
      case 'pull':
        this.#pull(message.id);
        break;
    }
  }

  #request(id: number, body: RequestBody<Source>): void {
    switch (body.type) {
      // These take one short call each, so they need not wait for a generation to end.
      case 'tokenize':
        this.#settle(id, () =>
          this.#model.engine.tokenize(body.text, body.addSpecial, body.parseSpecial),
        );
        break;
      case 'detokenize':
        this.#settle(id, () => this.#model.engine.detokenize(body.tokens, body.special));
        break;
      case 'createSession':
      case 'disposeSession':
        this.#settle(id, () => null);
        break;
      case 'stats':
        this.#settle(id, () => this.#stats());
        break;
      default:
        this.#queue.push({ id, body, abort: new AbortController(), pulls: 0, wake: () => {} });
        if (!this.#running) void this.#runQueue();
    }
  }

  #cancel(id: number): void {
    const index = this.#queue.findIndex((job) => job.id === id);
    if (index >= 0) {
      this.#queue.splice(index, 1);
      this.#fail(id, cancelledError('The request'));
    } else if (this.#running?.id === id) {
      this.#running.abort.abort();
      this.#running.wake();
    }
  }

  #pull(id: number): void {
    const job =
      this.#running?.id === id ? this.#running : this.#queue.find((queued) => queued.id === id);
    if (!job) return;
    job.pulls++;
    job.wake();
  }

  async #runQueue(): Promise<void> {
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
      this.#running = job;
      try {
        const answer = await this.#run(job);
        this.#environment.post({ type: 'done', id: job.id, answer });
      } catch (error) {
        this.#fail(job.id, error);
      }
      this.#running = undefined;
    }
  }

  #run(job: Job<Source>): Promise<Answers[keyof Answers]> {
    const { body } = job;
    switch (body.type) {
      case 'load':
        return this.#load(job, body);
      case 'inspect':
        return this.#inspect(job, body);
      case 'generate':
        return this.#generate(job, body);
      case 'logits':
        return this.#logits(job, body);
      default:
        throw new PipitError('internal', `The worker knows no request '${body.type}'.`);
    }
  }

  #settle(id: number, run: () => Answers[keyof Answers]): void {
    try {
      this.#environment.post({ type: 'done', id, answer: run() });
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #fail(id: number, error: unknown): void {
    this.#environment.post({ type: 'error', id, error: toWire(PipitError.from(error)) });
  }

  #event(job: Job<Source>, event: Event, transfer?: ArrayBuffer[]): void {
    this.#environment.post({ type: 'event', id: job.id, event }, transfer);
  }

  get #model(): LoadedModel {
    if (!this.#loaded) throw new PipitError('internal', 'No model is loaded yet.');
    return this.#loaded;
  }

  /** Between two steps: lets messages in, then gives up if one of them was this job's cancel. */
  async #breathe(job: Job<Source>): Promise<void> {
    await this.#environment.nextTask();
    if (job.abort.signal.aborted) throw cancelledError('The request');
  }

  async #load(job: Job<Source>, body: Body<'load', Source>): Promise<ModelInfo> {
    this.#loaded = await loadEngine(this.#environment, body, this.#loadCalls(job));
    return this.#loaded.info;
  }

  #inspect(job: Job<Source>, body: Body<'inspect', Source>): Promise<ModelDescription> {
    return inspectFile(this.#environment, body, this.#loadCalls(job));
  }

  #loadCalls(job: Job<Source>): LoadCalls {
    const { signal } = job.abort;
    return {
      signal,
      onProgress: (progress) => this.#event(job, { type: 'progress', ...progress }),
    };
  }

  async #generate(
    job: Job<Source>,
    { session, prompt, options }: Body<'generate', Source>,
  ): Promise<GenerateResult> {
    const { engine } = this.#model;
    const promptTokens = this.#promptTokens(prompt);
    const start = performance.now();
    engine.generateBegin(promptTokens, options, session.options.nCtx);
    try {
      const tokens: number[] = [];
      let text = '';
      let prefillEnd = start;
      let firstToken = 0;
      let lastToken = 0;
      for (;;) {
        const step = engine.generateStep();
        if (step.phase === 'prefill') {
          prefillEnd = performance.now();
          this.#event(job, { type: 'prefill', done: step.done, total: step.total });
        } else if (step.phase === 'decode') {
          lastToken = performance.now();
          if (tokens.push(step.token) === 1) firstToken = lastToken;
          text += step.text;
          this.#event(job, { type: 'piece', piece: { text: step.text, token: step.token } });
        } else {
          if (step.text)
            this.#event(job, { type: 'piece', piece: { text: step.text, token: null } });
          const prefillMs = prefillEnd - start;
          const decodeMs = lastToken - firstToken;
          return {
            text: text + step.text,
            tokens,
            promptTokens: promptTokens.length,
            cachedTokens: 0,
            stopReason: step.stop_reason,
            stop: step.stop,
            seed: options.seed,
            prefillMs,
            decodeMs,
            prefillTokensPerSecond: perSecond(promptTokens.length, prefillMs),
            decodeTokensPerSecond: perSecond(tokens.length - 1, decodeMs),
          };
        }
        await this.#breathe(job);
      }
    } finally {
      engine.generateEnd();
    }
  }

  #promptTokens(prompt: Prompt): number[] {
    const { engine, info } = this.#model;
    switch (prompt.kind) {
      case 'tokens':
        return prompt.tokens;
      case 'text':
        return engine.tokenize(prompt.text, true, false);
      case 'chat':
        return chatTokens(prompt.messages, prompt.template, info, (...args) =>
          engine.tokenize(...args),
        );
    }
  }

  async #logits(job: Job<Source>, { tokens, nCtx }: Body<'logits', Source>): Promise<null> {
    const { engine, info } = this.#model;
    engine.logitsBegin(tokens, nCtx);
    try {
      let start = 0;
      for (;;) {
        const logits = engine.logitsStep();
        if (logits.length === 0) return null;
        const n = logits.length / info.nVocab;
        while (job.pulls === 0 && !job.abort.signal.aborted) {
          await new Promise<void>((resolve) => (job.wake = resolve));
        }
        job.pulls--;
        this.#event(job, { type: 'logits', start, n, logits }, [logits.buffer]);
        start += n;
        await this.#breathe(job);
      }
    } finally {
      engine.generateEnd();
    }
  }

  #stats(): ModelStats {
    const { engine, info, loadMs, warnings } = this.#model;
    const { kvBytes, wasmMemoryBytes } = engine;
    const { kernels, kvType, nThreads: threads } = info;
    return { kernels, threads, kvType, kvBytes, wasmMemoryBytes, loadMs, warnings };
  }
}

function perSecond(n: number, ms: number): number {
  return n > 0 && ms > 0 ? (n * 1000) / ms : 0;
}
