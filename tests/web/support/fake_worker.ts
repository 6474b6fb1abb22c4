// A worker in this thread around a fake engine: protocol, queue and cancel logic can be tested step by step.
import { LanguageModel, type ModelFiles } from '../../../web/src/client.ts';
import type { WorkerHandle } from '../../../web/src/connection.ts';
import type {
  Engine,
  GenerationBegin,
  GenerationStep,
  LoadRequest,
} from '../../../web/src/engine.ts';
import { PipitError } from '../../../web/src/errors.ts';
import { TUNING } from '../../../web/src/load/tuning.ts';
import type { GenerateOptions, SessionOptions } from '../../../web/src/options.ts';
import type { FromWorker, ModelInfo, ToWorker, TokenLogprob } from '../../../web/src/protocol.ts';
import type { EngineWishes } from '../../../web/src/start_engine.ts';
import { Sha256 } from '../../../web/src/store/sha256.ts';
import { ModelWorker } from '../../../web/src/worker.ts';

export const FAKE_INFO: ModelInfo = {
  architecture: 'fake',
  name: null,
  nLayer: 1,
  nEmbd: 1,
  nHead: 1,
  nHeadKv: 1,
  nFf: 1,
  nCtxTrain: 64,
  nVocab: 4,
  headDim: 1,
  nWindow: 0,
  ropeFreqBase: 1,
  tokenizer: 'fake',
  pooling: 'mean',
  makesText: true,
  bosToken: null,
  eosToken: null,
  bosId: null,
  eosId: null,
  addsBos: false,
  controlTokens: ['<|end|>'],
  chatTemplate: '{% for m in messages %}{{ m.content }}<|end|>{% endfor %}',
  kernels: 'fake',
  nThreads: 3,
  kernelTrials: [{ name: 'fake', correct: true, gmacs: 0 }],
  kvType: 'f32',
  weightBytes: 0,
};

const PREFILL_CHUNK = 4;
const CONTROL_ID = -1;

interface FakeSession {
  prompt: readonly number[];
  options: GenerateOptions;
  prefilled: number;
  generated: number;
  scores: number[];
  /** Of the scoring. */
  stepsLeft: number;
  logitsLeft: number;
}

/**
 * Tokens are UTF-16 codes; a generation counts "0", "1", … up to maxTokens; a prompt is cached that was computed before.
 * Notes its calls in `log`, those of sessions behind the first with their number.
 */
export class FakeEngine implements Engine {
  readonly log: string[] = [];
  readonly sessions = new Map<number, FakeSession>();
  #nextSession = 1;
  #file: string[] = [];
  #headerOnly = false;
  #buffer = new Uint8Array();
  #embedding = { n: 0, stepsLeft: 0 };

  loadBegin({ kernels, nThreads, headerOnly }: LoadRequest): void {
    this.log.push(`load ${nThreads}`);
    this.#headerOnly = headerOnly;
    if (kernels === 'missing') throw new PipitError('not_found', 'There are no such kernels.');
  }

  loadBuffer(size: number): Uint8Array {
    this.#buffer = new Uint8Array(size);
    return this.#buffer;
  }

  loadFeed(size: number): boolean {
    this.#file.push(new TextDecoder().decode(this.#buffer.subarray(0, size)));
    return this.#headerOnly;
  }

  loadNext(): void {}

  loadTokenizer(): void {}

  newHash(): Sha256 {
    return new Sha256();
  }

  loadEnd(): ModelInfo {
    return { ...FAKE_INFO, name: this.#file.join('') };
  }

  describe(): ReturnType<Engine['describe']> {
    return { version: 3, alignment: 32, dataOffset: 0, metadata: [], tensors: [] };
  }

  tokenize(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    addSpacePrefix = true,
  ): number[] {
    const options = [
      addSpecial && ' special',
      parseSpecial && ' parse',
      !addSpacePrefix && ' goes on',
    ];
    this.log.push(`tokenize ${JSON.stringify(text)}${options.filter(Boolean).join('')}`);
    const parts = parseSpecial ? text.split('<|end|>') : [text];
    return parts.flatMap((part, i) => [
      ...(i > 0 ? [CONTROL_ID] : []),
      ...Array.from(part, (character) => character.codePointAt(0)!),
    ]);
  }

  detokenize(tokens: readonly number[]): string {
    return String.fromCodePoint(...tokens);
  }

  createSession({ nCtx }: Required<SessionOptions>): number {
    if (nCtx > 1000) throw new PipitError('invalid_argument', `'n_ctx' is ${nCtx}.`);
    const id = this.#nextSession++;
    this.#note(id, 'create');
    const empty = { prompt: [], options: {}, prefilled: 0, generated: 0 };
    this.sessions.set(id, { ...empty, scores: [], stepsLeft: 0, logitsLeft: 0 });
    return id;
  }

  disposeSession(id: number): void {
    this.#session(id);
    this.#note(id, 'dispose');
    this.sessions.delete(id);
  }

  generateBegin(id: number, tokens: readonly number[], options: GenerateOptions): GenerationBegin {
    if (tokens.length > 64) throw new PipitError('context_full', 'The prompt does not fit.');
    const session = this.#session(id);
    this.#note(id, `begin ${tokens.length}`);
    const isCached = session.prompt.length > 0 && session.prompt.every((t, i) => t === tokens[i]);
    const cachedTokens = isCached ? Math.min(session.prefilled, tokens.length - 1) : 0;
    Object.assign(session, { prompt: tokens, options, prefilled: cachedTokens, generated: 0 });
    return { promptTokens: tokens.length, cachedTokens };
  }

  generateStep(id: number): GenerationStep {
    const session = this.#session(id);
    const { prompt, options } = session;
    if (options.maxTokens === 13) throw new Error('the fake engine trapped');
    if (session.prefilled < prompt.length) {
      session.prefilled = Math.min(session.prefilled + PREFILL_CHUNK, prompt.length);
      this.#note(id, `prefill ${session.prefilled}`);
      return { phase: 'prefill', done: session.prefilled, total: prompt.length };
    }
    const { maxTokens = -1, logprobs } = options;
    if (session.generated === maxTokens)
      return { phase: 'end', text: '', stop_reason: 'length', stop: null };
    const token = session.generated++;
    this.#note(id, `token ${token}`);
    const step = { phase: 'decode', token, text: String(token) } as const;
    if (logprobs === undefined) return step;
    const alternatives = Array.from({ length: logprobs }, (_, i) => fakeLogprob(i));
    return { ...step, logprobs: [fakeLogprob(token), ...alternatives] };
  }

  /** A candidate's log-probability is minus its length; the prompt and each candidate take a step. */
  scoreBegin(
    id: number,
    tokens: readonly number[],
    candidates: readonly (readonly number[])[],
  ): void {
    this.#note(id, `score ${tokens.length}: ${candidates.map(({ length }) => length).join()}`);
    const scores = candidates.map(({ length }) => -length);
    Object.assign(this.#session(id), { scores, stepsLeft: 1 + scores.length });
  }

  scoreStep(id: number): number[] | null {
    const session = this.#session(id);
    return --session.stepsLeft === 0 ? session.scores : null;
  }

  logitsBegin(id: number, tokens: readonly number[]): void {
    this.#session(id).logitsLeft = tokens.length;
  }

  logitsStep(id: number): Float32Array<ArrayBuffer> {
    const session = this.#session(id);
    const n = Math.min(2, session.logitsLeft);
    session.logitsLeft -= n;
    this.#note(id, `logits ${n}`);
    return new Float32Array(n * FAKE_INFO.nVocab).fill(n);
  }

  /** A text of n tokens takes n steps, and its vector is [n]. */
  embedBegin(tokens: readonly number[], pooling: string): void {
    this.log.push(`embed ${tokens.length} ${pooling}`);
    if (tokens.length > 64) throw new PipitError('context_full', 'The text does not fit.');
    this.#embedding = { n: tokens.length, stepsLeft: tokens.length };
  }

  embedStep(): Float32Array<ArrayBuffer> | null {
    const { n } = this.#embedding;
    this.log.push('embed step');
    return --this.#embedding.stepsLeft > 0 ? null : Float32Array.of(n);
  }

  embedEnd(): void {
    this.log.push('embed end');
  }

  end(id: number): void {
    this.#session(id);
    this.#note(id, 'end');
  }

  #session(id: number): FakeSession {
    const session = this.sessions.get(id);
    if (!session) throw new PipitError('invalid_argument', `There is no session ${id}.`);
    return session;
  }

  #note(id: number, what: string): void {
    this.log.push(id === 1 ? what : `${id}: ${what}`);
  }

  readonly kvBytes = 1;
  readonly outputHead = { twoStep: 3, full: 4 };
  readonly wasmMemoryBytes = 2;
}

function fakeLogprob(token: number): TokenLogprob {
  return { token, text: String(token), bytes: [48 + token], logprob: -token };
}

/** A fake worker and the model behind it. `kill` lets the worker die, `busy` says whether it holds the process. */
export class FakeWorker implements WorkerHandle {
  readonly engine = new FakeEngine();
  readonly sent: FromWorker[] = [];
  /** What the engine was started with. */
  wishes: EngineWishes | undefined;
  terminated = false;
  busy = true;
  /** What reading the file gives, one call after another. */
  chunks: (() => string | Promise<string>)[] = [(): string => 'fake ', (): string => 'file'];
  #onMessage: (message: FromWorker) => void = () => {};
  #onDeath: (reason: unknown) => void = () => {};
  readonly #worker = new ModelWorker<unknown>({
    post: (message, transfer) => {
      this.sent.push(message);
      const copy = structuredClone(message, { transfer });
      setImmediate(() => this.#deliver(() => this.#onMessage(copy)));
    },
    startEngine: (wishes) => {
      this.wishes = wishes;
      return Promise.resolve({ engine: this.engine, threads: 3, warnings: ['a warning'] });
    },
    tuning: TUNING,
    openStore: () => undefined,
    sizeOf: () => Promise.resolve(0),
    openSource: async () => ({
      size: 9,
      parts: () => this.#parts(),
      close: () => {
        this.engine.log.push('close');
      },
    }),
    nextTask: () => new Promise((resolve) => setImmediate(() => this.#deliver(resolve))),
  });

  post(message: ToWorker): void {
    const copy = structuredClone(message);
    setImmediate(() => this.#deliver(() => this.#worker.receive(copy)));
  }

  listen(onMessage: (message: FromWorker) => void, onDeath: (reason: unknown) => void): void {
    [this.#onMessage, this.#onDeath] = [onMessage, onDeath];
  }

  terminate(): void {
    this.terminated = true;
  }

  setBusy(busy: boolean): void {
    this.busy = busy;
  }

  kill(): void {
    this.terminated = true;
    this.#onDeath(new Error('killed'));
  }

  load(options = {}): Promise<LanguageModel> {
    const files: ModelFiles = {
      sources: ['source'],
      ports: [],
      defaultStore: 'none',
      warnings: [],
    };
    return LanguageModel.load(
      () => this,
      options,
      () => files,
    );
  }

  async *#parts(): AsyncGenerator<Uint8Array> {
    for (let chunk = this.chunks.shift(); chunk; chunk = this.chunks.shift()) {
      yield new TextEncoder().encode(await chunk());
    }
  }

  #deliver(run: () => void): void {
    if (!this.terminated) run();
  }
}

export async function loadFake(): Promise<{ worker: FakeWorker; model: LanguageModel }> {
  const worker = new FakeWorker();
  return { worker, model: await worker.load() };
}
