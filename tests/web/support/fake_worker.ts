// A worker in this thread around a fake engine: protocol, queue and cancel logic can be tested step by step.
import { LanguageModel, type ModelFiles } from '../../../web/src/client.ts';
import type { WorkerHandle } from '../../../web/src/connection.ts';
import type { Engine, GenerationStep, LoadRequest } from '../../../web/src/engine.ts';
import { PipitError } from '../../../web/src/errors.ts';
import { TUNING } from '../../../web/src/load/tuning.ts';
import type { GenerateOptions } from '../../../web/src/options.ts';
import type { FromWorker, ModelInfo, ToWorker } from '../../../web/src/protocol.ts';
import type { EngineWishes } from '../../../web/src/start_engine.ts';
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
  ropeFreqBase: 1,
  tokenizer: 'fake',
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

/** Tokens are UTF-16 codes; a generation counts "0", "1", … up to maxTokens. Notes its calls in `log`. */
export class FakeEngine implements Engine {
  readonly log: string[] = [];
  #file: string[] = [];
  #headerOnly = false;
  #buffer = new Uint8Array();
  #prompt: readonly number[] = [];
  #options: GenerateOptions = {};
  #prefilled = 0;
  #generated = 0;
  #logitsLeft = 0;

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

  loadEnd(): ModelInfo {
    return { ...FAKE_INFO, name: this.#file.join('') };
  }

  describe(): ReturnType<Engine['describe']> {
    return { version: 3, alignment: 32, dataOffset: 0, metadata: [], tensors: [] };
  }

  tokenize(text: string, addSpecial: boolean, parseSpecial: boolean): number[] {
    this.log.push(
      `tokenize ${JSON.stringify(text)}${addSpecial ? ' special' : ''}${parseSpecial ? ' parse' : ''}`,
    );
    const parts = parseSpecial ? text.split('<|end|>') : [text];
    return parts.flatMap((part, i) => [
      ...(i > 0 ? [CONTROL_ID] : []),
      ...Array.from(part, (character) => character.codePointAt(0)!),
    ]);
  }

  detokenize(tokens: readonly number[]): string {
    return String.fromCodePoint(...tokens);
  }

  generateBegin(tokens: readonly number[], options: GenerateOptions): void {
    if (tokens.length > 64) throw new PipitError('context_full', 'The prompt does not fit.');
    this.log.push(`begin ${tokens.length}`);
    [this.#prompt, this.#options, this.#prefilled, this.#generated] = [tokens, options, 0, 0];
  }

  generateStep(): GenerationStep {
    if (this.#options.maxTokens === 13) throw new Error('the fake engine trapped');
    if (this.#prefilled < this.#prompt.length) {
      this.#prefilled = Math.min(this.#prefilled + PREFILL_CHUNK, this.#prompt.length);
      return { phase: 'prefill', done: this.#prefilled, total: this.#prompt.length };
    }
    const { maxTokens = -1 } = this.#options;
    if (this.#generated === maxTokens)
      return { phase: 'end', text: '', stop_reason: 'length', stop: null };
    const token = this.#generated++;
    this.log.push(`token ${token}`);
    return { phase: 'decode', token, text: String(token) };
  }

  generateEnd(): void {
    this.log.push('end');
  }

  logitsBegin(tokens: readonly number[]): void {
    this.#logitsLeft = tokens.length;
  }

  logitsStep(): Float32Array<ArrayBuffer> {
    const n = Math.min(2, this.#logitsLeft);
    this.#logitsLeft -= n;
    this.log.push(`logits ${n}`);
    return new Float32Array(n * FAKE_INFO.nVocab).fill(n);
  }

  readonly kvBytes = 1;
  readonly wasmMemoryBytes = 2;
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
