// The Wasm exports (src/wasm/exports.cc) behind types: JSON, token arrays and errors instead of pointers and statuses.
import { PipitError, STATUS_CODES, messageOf } from './errors.ts';
import { renameKeys, toCamel, toSnake } from './names.ts';
import { type GenerateOptions, type SessionOptions, toWireOptions } from './options.ts';
import type { ModelDescription, ModelInfo, Pooling, StopReason, TokenLogprob } from './protocol.ts';
import { type Hash, toHex } from './store/sha256.ts';

/** What the Emscripten module offers. */
export interface WasmModule {
  wasmMemory: WebAssembly.Memory;
  _pipit_result(): number;
  _pipit_result_size(): number;
  _pipit_input(n: number): number;
  _pipit_load_begin(n: number): number;
  _pipit_load_tokenizer(n: number): number;
  _pipit_load_feed(n: number): number;
  _pipit_load_next(fileSize: number): number;
  _pipit_load_end(): number;
  _pipit_hash_update(n: number): number;
  _pipit_hash_end(): number;
  _pipit_quantise_begin(n: number): number;
  _pipit_quantise_feed(n: number): number;
  _pipit_quantise_end(): number;
  _pipit_describe(): number;
  _pipit_tokenize(
    n: number,
    addSpecial: number,
    parseSpecial: number,
    addSpacePrefix: number,
  ): number;
  _pipit_detokenize(n: number, special: number): number;
  _pipit_session_create(n: number): number;
  _pipit_session_dispose(session: number): number;
  _pipit_generate_begin(session: number, n: number): number;
  _pipit_generate_step(session: number): number;
  _pipit_score_begin(session: number, n: number): number;
  _pipit_score_step(session: number): number;
  _pipit_logits_begin(session: number, n: number): number;
  _pipit_logits_step(session: number): number;
  _pipit_embed_begin(n: number): number;
  _pipit_embed_step(): number;
  _pipit_embed_end(): number;
  _pipit_end(session: number): number;
  _pipit_kv_bytes(): number;
  _pipit_head_passes(twoStep: boolean): number;
}

export interface LoadRequest {
  /** In bytes; 0: unknown. */
  fileSize: number;
  kernels: string;
  kvType: string;
  nThreads: number;
  /** Read no further than the header: describe() works, nothing else does. */
  headerOnly: boolean;
}

export type GenerationStep =
  | { phase: 'prefill'; done: number; total: number }
  /** The session drops tokens, to make room. */
  | { phase: 'slide' }
  /** `logprobs`: of the token, then of the likeliest, where they were asked for. */
  | { phase: 'decode'; token: number; text: string; logprobs?: TokenLogprob[] }
  | { phase: 'end'; text: string; stop_reason: StopReason; stop: string | null };

/** What the engine makes of a prompt: how many tokens it keeps of it, and how many of those the session has already. */
export interface GenerationBegin {
  promptTokens: number;
  cachedTokens: number;
}

/** What became of a tensor. */
export interface QuantisedTensor {
  name: string;
  /** Elements of a row. */
  row: number;
  from: string;
  to: string;
  /** What tensors of its kind get; `to` differs where the rows do not divide into blocks of it. */
  wanted: string;
  bytes: number;
}

export interface QuantiseRequest {
  /** In bytes; 0: unknown. */
  fileSize: number;
  type: string;
  nThreads: number;
}

/** A GGUF file's bytes in, those of the quantised file out. */
export interface Quantiser {
  feed(bytes: Uint8Array): Uint8Array;
  /** After the last byte. */
  end(): QuantisedTensor[];
}

/**
 * One model in one Wasm instance, with its sessions, which it numbers. A session does one thing at a time: a new
 * *Begin gives up what was before. No call takes longer than a token or two.
 */
export interface Engine {
  loadBegin(request: LoadRequest): void;
  /** sentencepiece's tokenizer.model in place of the file's own vocabulary; before the first bytes. */
  loadTokenizer(bytes: Uint8Array): void;
  /** Where the file's next bytes go, `size` of them; valid until the next call. */
  loadBuffer(size: number): Uint8Array;
  /** Takes the first `size` bytes of loadBuffer; true when no more are needed. */
  loadFeed(size: number): boolean;
  /** After the last byte of a file of a split model: another one follows, of `fileSize` bytes (0: unknown). */
  loadNext(fileSize: number): void;
  loadEnd(): ModelInfo;
  /** SHA-256; one file's at a time. */
  newHash(): Hash;
  describe(): Omit<ModelDescription, 'fileSize'>;
  /** Without `addSpacePrefix` for a text that goes on from another (default: true). */
  tokenize(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    addSpacePrefix?: boolean,
  ): number[];
  detokenize(tokens: readonly number[], special: boolean): string;
  createSession(options: Required<SessionOptions>): number;
  disposeSession(session: number): void;
  generateBegin(
    session: number,
    tokens: readonly number[],
    options: GenerateOptions,
  ): GenerationBegin;
  generateStep(session: number): GenerationStep;
  scoreBegin(
    session: number,
    tokens: readonly number[],
    candidates: readonly (readonly number[])[],
  ): void;
  /** The candidates' log-probabilities when all are computed, null before. */
  scoreStep(session: number): number[] | null;
  logitsBegin(session: number, tokens: readonly number[]): void;
  /** The next rows, [k, nVocab]; empty after the last. */
  logitsStep(session: number): Float32Array<ArrayBuffer>;
  /** One text at a time, of the whole instance. */
  embedBegin(tokens: readonly number[], pooling: Pooling | 'auto'): void;
  /** The text's vector, [nEmbd], when it is computed, null before. */
  embedStep(): Float32Array<ArrayBuffer> | null;
  embedEnd(): void;
  /** Ends what has begun, finished or not; what the session has computed stays. */
  end(session: number): void;
  /** Of all sessions. */
  readonly kvBytes: number;
  readonly outputHead: { twoStep: number; full: number };
  readonly wasmMemoryBytes: number;
}

/** What is hashed goes through the module's input buffer, which need not be larger for it. */
const HASH_BYTES = 1 << 20;

const encoder = new TextEncoder();
// A BOM is text like any other: a token may stand for it.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class WasmEngine implements Engine {
  readonly #wasm: WasmModule;
  #trap: PipitError | undefined;

  constructor(wasm: WasmModule) {
    this.#wasm = wasm;
  }

  loadBegin(options: LoadRequest): void {
    const request = renameKeys(options, toSnake);
    this.#call('load_begin', (wasm) => wasm._pipit_load_begin(this.#putJson(request)));
  }

  loadTokenizer(bytes: Uint8Array): void {
    this.#call('load_tokenizer', (wasm) => wasm._pipit_load_tokenizer(this.#put(bytes)));
  }

  loadBuffer(size: number): Uint8Array {
    return this.#guard('input', () => this.#input(size));
  }

  loadFeed(size: number): boolean {
    this.#call('load_feed', (wasm) => wasm._pipit_load_feed(size));
    return (this.#json() as { complete: boolean }).complete;
  }

  loadNext(fileSize: number): void {
    this.#call('load_next', (wasm) => wasm._pipit_load_next(fileSize));
  }

  loadEnd(): ModelInfo {
    this.#call('load_end', (wasm) => wasm._pipit_load_end());
    return renameKeys(this.#json(), toCamel) as ModelInfo;
  }

  newHash(): Hash {
    return {
      update: (bytes) => {
        for (let at = 0; at < bytes.length; at += HASH_BYTES) {
          const part = bytes.subarray(at, at + HASH_BYTES);
          this.#call('hash_update', (wasm) => wasm._pipit_hash_update(this.#put(part)));
        }
      },
      digest: () => {
        this.#call('hash_end', (wasm) => wasm._pipit_hash_end());
        return toHex(this.#copy());
      },
    };
  }

  /** In place of a model; one at a time. */
  newQuantiser(request: QuantiseRequest): Quantiser {
    const json = renameKeys(request, toSnake);
    this.#call('quantise_begin', (wasm) => wasm._pipit_quantise_begin(this.#putJson(json)));
    return {
      feed: (bytes) => {
        this.#call('quantise_feed', (wasm) => wasm._pipit_quantise_feed(this.#put(bytes)));
        return this.#copy();
      },
      end: () => {
        this.#call('quantise_end', (wasm) => wasm._pipit_quantise_end());
        return this.#json() as unknown as QuantisedTensor[];
      },
    };
  }

  describe(): Omit<ModelDescription, 'fileSize'> {
    this.#call('describe', (wasm) => wasm._pipit_describe());
    return renameKeys(this.#json(), toCamel) as Omit<ModelDescription, 'fileSize'>;
  }

  tokenize(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    addSpacePrefix = true,
  ): number[] {
    this.#call('tokenize', (wasm) =>
      wasm._pipit_tokenize(
        this.#put(encoder.encode(text)),
        Number(addSpecial),
        Number(parseSpecial),
        Number(addSpacePrefix),
      ),
    );
    return Array.from(new Int32Array(this.#copy().buffer));
  }

  detokenize(tokens: readonly number[], special: boolean): string {
    const bytes = new Uint8Array(Int32Array.from(tokens).buffer);
    this.#call('detokenize', (wasm) => wasm._pipit_detokenize(this.#put(bytes), Number(special)));
    return this.#text();
  }

  createSession(options: Required<SessionOptions>): number {
    const request = renameKeys(options, toSnake);
    this.#call('session_create', (wasm) => wasm._pipit_session_create(this.#putJson(request)));
    return (this.#json() as { session: number }).session;
  }

  disposeSession(session: number): void {
    this.#call('session_dispose', (wasm) => wasm._pipit_session_dispose(session));
  }

  generateBegin(
    session: number,
    tokens: readonly number[],
    options: GenerateOptions,
  ): GenerationBegin {
    const request = { tokens, ...toWireOptions(options) };
    this.#call('generate_begin', (wasm) =>
      wasm._pipit_generate_begin(session, this.#putJson(request)),
    );
    return renameKeys(this.#json(), toCamel) as GenerationBegin;
  }

  generateStep(session: number): GenerationStep {
    this.#call('generate_step', (wasm) => wasm._pipit_generate_step(session));
    const step = this.#json() as GenerationStep;
    if (step.phase === 'decode' && step.logprobs) step.logprobs = step.logprobs.map(readLogprob);
    return step;
  }

  scoreBegin(
    session: number,
    tokens: readonly number[],
    candidates: readonly (readonly number[])[],
  ): void {
    const request = { tokens, candidates };
    this.#call('score_begin', (wasm) => wasm._pipit_score_begin(session, this.#putJson(request)));
  }

  scoreStep(session: number): number[] | null {
    this.#call('score_step', (wasm) => wasm._pipit_score_step(session));
    const { logprobs } = this.#json() as { logprobs: (number | null)[] | null };
    return logprobs && logprobs.map((logprob) => logprob ?? -Infinity);
  }

  logitsBegin(session: number, tokens: readonly number[]): void {
    this.#call('logits_begin', (wasm) =>
      wasm._pipit_logits_begin(session, this.#putJson({ tokens })),
    );
  }

  logitsStep(session: number): Float32Array<ArrayBuffer> {
    this.#call('logits_step', (wasm) => wasm._pipit_logits_step(session));
    return new Float32Array(this.#copy().buffer);
  }

  embedBegin(tokens: readonly number[], pooling: Pooling | 'auto'): void {
    this.#call('embed_begin', (wasm) =>
      wasm._pipit_embed_begin(this.#putJson({ tokens, pooling })),
    );
  }

  embedStep(): Float32Array<ArrayBuffer> | null {
    this.#call('embed_step', (wasm) => wasm._pipit_embed_step());
    const vector = new Float32Array(this.#copy().buffer);
    return vector.length > 0 ? vector : null;
  }

  embedEnd(): void {
    if (!this.#trap) this.#call('embed_end', (wasm) => wasm._pipit_embed_end());
  }

  end(session: number): void {
    if (!this.#trap) this.#call('end', (wasm) => wasm._pipit_end(session));
  }

  get outputHead(): { twoStep: number; full: number } {
    return this.#guard('head_passes', (wasm) => ({
      twoStep: wasm._pipit_head_passes(true),
      full: wasm._pipit_head_passes(false),
    }));
  }

  get kvBytes(): number {
    return this.#guard('kv_bytes', (wasm) => wasm._pipit_kv_bytes());
  }

  get wasmMemoryBytes(): number {
    return this.#wasm.wasmMemory.buffer.byteLength;
  }

  /** Calls an export that returns a status; throws its message. */
  #call(name: string, run: (wasm: WasmModule) => number): void {
    const status = this.#guard(name, run);
    if (status === 0) return;
    const code = STATUS_CODES[status];
    const message = this.#text();
    throw new PipitError(code === undefined || code === 'ok' ? 'internal' : code, message);
  }

  /** After a trap the instance's memory is in an unknown state: every further call fails. */
  #guard<T>(name: string, run: (wasm: WasmModule) => T): T {
    if (this.#trap) throw this.#trap;
    try {
      return run(this.#wasm);
    } catch (error) {
      if (error instanceof PipitError) throw error;
      this.#trap = new PipitError(
        'internal',
        `The Wasm module failed in pipit_${name}: ${messageOf(error)}. This is a bug in pipit; load the model again to go on.`,
        error,
      );
      throw this.#trap;
    }
  }

  #input(size: number): Uint8Array {
    const pointer = this.#wasm._pipit_input(size) >>> 0;
    if (pointer === 0) {
      throw new PipitError('out_of_memory', `No Wasm memory is left for ${size} bytes of input.`);
    }
    return new Uint8Array(this.#wasm.wasmMemory.buffer, pointer, size);
  }

  #put(bytes: Uint8Array): number {
    this.#input(bytes.length).set(bytes);
    return bytes.length;
  }

  #putJson(value: unknown): number {
    return this.#put(encoder.encode(JSON.stringify(value)));
  }

  #copy(): Uint8Array<ArrayBuffer> {
    const pointer = this.#wasm._pipit_result() >>> 0;
    const { buffer } = this.#wasm.wasmMemory;
    return new Uint8Array(buffer, pointer, this.#wasm._pipit_result_size() >>> 0).slice();
  }

  /** Of a copy: browsers decode no text in memory that threads share. */
  #text(): string {
    return decoder.decode(this.#copy());
  }

  #json(): object {
    return JSON.parse(this.#text()) as object;
  }
}

/** JSON has no -Infinity, the logarithm of 0: it is null there. */
function readLogprob(
  wire: Omit<TokenLogprob, 'text' | 'logprob'> & { logprob: number | null },
): TokenLogprob {
  const { token, bytes, logprob } = wire;
  const text = decoder.decode(Uint8Array.from(bytes));
  return { token, text, bytes, logprob: logprob ?? -Infinity };
}
