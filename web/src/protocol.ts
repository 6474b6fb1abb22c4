// The messages between client and worker: discriminated unions, all structured-cloneable.
import type { WireError } from './errors.ts';
import type { GenerateOptions, SessionOptions } from './options.ts';
import type { StorePort } from './store/remote.ts';

/** How far a load is. */
export interface LoadProgress {
  /** Bytes given to the engine. */
  loaded: number;
  /** Bytes of the file, or of all files; 0: unknown. */
  total: number;
  /** Bytes that came from the network, also through another tab that downloads the same file. */
  downloaded: number;
}

/** How the KV cache stores keys and values. */
export type KvType = 'f32' | 'f16' | 'int8';

/** How the vectors of a text's tokens become one: their mean, the first one's, or the last one's. */
export type Pooling = 'mean' | 'cls' | 'last';

export interface KernelTrial {
  name: string;
  /** Whether its results agree with the reference on this machine; a set that fails is never used. */
  correct: boolean;
  /** 4-bit multiply-adds a nanosecond; 0: not timed. */
  gmacs: number;
}

/** What a load reports about the model; the names are GGUF's, in camelCase. */
export interface ModelInfo {
  architecture: string;
  name: string | null;
  nLayer: number;
  nEmbd: number;
  nHead: number;
  nHeadKv: number;
  nFf: number;
  nCtxTrain: number;
  nVocab: number;
  headDim: number;
  /** Positions that layers with a sliding window see; 0: there are none. */
  nWindow: number;
  ropeFreqBase: number;
  /** Kind and pre-tokenizer, for instance "bpe/smollm". */
  tokenizer: string;
  /** How embed() makes one vector of a text's tokens; null: the file does not say. */
  pooling: Pooling | null;
  /** False: an embedding model, for embed() alone. */
  makesText: boolean;
  bosToken: string | null;
  eosToken: string | null;
  bosId: number | null;
  eosId: number | null;
  addsBos: boolean;
  /** The texts of the tokens that only templates may produce, for instance "<|im_start|>". */
  controlTokens: string[];
  /** The model's own Jinja template. */
  chatTemplate: string | null;
  /** The kernel set in use. */
  kernels: string;
  /** How the kernel sets of this module did when it was chosen. */
  kernelTrials: KernelTrial[];
  kvType: KvType;
  nThreads: number;
  weightBytes: number;
}

/** A model file's header: what `inspect` shows. */
export interface ModelDescription {
  /** GGUF version. */
  version: number;
  alignment: number;
  /** Where tensor data begins in the file, in bytes. */
  dataOffset: number;
  fileSize: number;
  /** `value` of an array holds its first elements, `length` how many it has. */
  metadata: { key: string; type: string; value: unknown; length?: number }[];
  /** `offset` counts from dataOffset. */
  tensors: { name: string; type: string; shape: number[]; bytes: number; offset: number }[];
}

export interface ModelStats {
  kernels: string;
  threads: number;
  kvType: KvType;
  /** The KV cache in use. */
  kvBytes: number;
  /** How often the output head computed only what the sampler can draw, and how often the whole vocabulary. */
  outputHead: { twoStep: number; full: number };
  /** Size of the Wasm memory; it never shrinks, so this is its peak. */
  wasmMemoryBytes: number;
  /** Reading and repacking the file. */
  loadMs: number;
  /** What was wished and could not be had, in sentences. */
  warnings: string[];
}

export interface ChatMessage {
  /** "system", "user", "assistant", or another role that the model's template knows. */
  role: string;
  content: string;
}

export type Prompt =
  | { kind: 'text'; text: string }
  | { kind: 'tokens'; tokens: number[] }
  | { kind: 'chat'; messages: ChatMessage[]; template: string | null };

export type StopReason = 'eos' | 'stop' | 'length' | 'context';

/** How likely a token was: the natural logarithm of its probability, before penalties and temperature. */
export interface TokenLogprob {
  token: number;
  /** U+FFFD stands in it where the token is a part of a character; its bytes are whole. */
  text: string;
  bytes: number[];
  logprob: number;
}

/** A token that was drawn, and the likeliest at its place, the best first. */
export interface DrawnToken extends TokenLogprob {
  topLogprobs: TokenLogprob[];
}

export interface GenerateResult {
  text: string;
  /** The generated tokens, without the end-of-generation token. */
  tokens: number[];
  /** One for each of `tokens`, if the option 'logprobs' was given. */
  tokenLogprobs?: DrawnToken[];
  /** How many tokens the prompt had; of one that a sliding session cut, those that were left. */
  promptTokens: number;
  /** How many of them the session had computed before. */
  cachedTokens: number;
  stopReason: StopReason;
  /** The stop string that was met. */
  stop: string | null;
  seed: number;
  /** From the start of the prompt to its last token. */
  prefillMs: number;
  /** From the first generated token to the last. */
  decodeMs: number;
  /** Of the tokens that were not cached. */
  prefillTokensPerSecond: number;
  /** Of the tokens after the first; 0 when there are none. */
  decodeTokensPerSecond: number;
}

/** One step of a generation: a token, and the text that became certain with it (may be ""). */
export interface Piece {
  text: string;
  /** null: text that was held back for a stop string and turned out to be none. */
  token: number | null;
  /** Of the token, if the option 'logprobs' was given. */
  logprob?: TokenLogprob;
  /** The likeliest tokens at its place, as many as 'logprobs' says, the best first. */
  topLogprobs?: TokenLogprob[];
}

/** A candidate of score(). */
export interface Score {
  text: string;
  tokens: number[];
  /** Of all its tokens after the prompt: the sum of theirs. */
  logprob: number;
  /** Among the candidates: the softmax of their logprobs. */
  probability: number;
}

/** What embed() makes of a text. */
export interface Embedding {
  /** [nEmbd], of length 1: the dot product of two is their cosine. */
  vector: Float32Array;
  /** How many tokens the text had, special ones included. */
  tokens: number;
}

/** Rows `start` … `start + n` of the logits; row i holds what follows token i. */
export interface LogitsChunk {
  start: number;
  n: number;
  /** [n, nVocab] */
  logits: Float32Array;
}

/** Which ModelStore a worker uses: one that it has, none, or the page's own. */
export type StoreChoice = 'indexeddb' | 'opfs' | 'files' | 'none' | StorePort;

/** A session as the worker knows it: the client's number for it, and how it is created when it is first used. */
export interface SessionRef {
  id: number;
  options: Required<SessionOptions>;
}

/** What a worker can be asked for; `Source` (where bytes come from) depends on the environment. */
export type RequestBody<Source = unknown> =
  | {
      type: 'load';
      /** One, or the files of a split model in order. */
      sources: Source[];
      /** A tokenizer.model in place of the files' own vocabulary. */
      tokenizer: Source | undefined;
      store: StoreChoice;
      /** In place of a store that cannot be used. */
      fallback: StorePort | undefined;
      /** Of each source in hexadecimal; empty: any. */
      expectedSha256: string[];
      kernels: string;
      kvType: string;
      threads: number | undefined;
    }
  | { type: 'inspect'; source: Source }
  | { type: 'createSession'; session: SessionRef }
  | { type: 'disposeSession'; session: SessionRef }
  | {
      type: 'generate';
      session: SessionRef;
      prompt: Prompt;
      options: GenerateOptions & { seed: number };
    }
  | { type: 'score'; session: SessionRef; prompt: Prompt; candidates: string[] }
  | { type: 'logits'; tokens: number[]; nCtx: number }
  | { type: 'embed'; texts: string[]; pooling: Pooling | 'auto' }
  | { type: 'tokenize'; text: string; addSpecial: boolean; parseSpecial: boolean }
  | { type: 'detokenize'; tokens: number[]; special: boolean }
  | { type: 'stats' };

/** What each request is answered with when it succeeds. */
export interface Answers {
  load: ModelInfo;
  inspect: ModelDescription;
  createSession: null;
  disposeSession: null;
  generate: GenerateResult;
  score: Score[];
  logits: null;
  embed: Embedding[];
  tokenize: number[];
  detokenize: string;
  stats: ModelStats;
}

/** What arrives before the answer. */
export type Event =
  | ({ type: 'progress' } & LoadProgress)
  | { type: 'prefill'; done: number; total: number }
  | { type: 'embedded'; done: number; total: number }
  | { type: 'piece'; piece: Piece }
  | ({ type: 'logits' } & LogitsChunk);

export type ToWorker<Source = unknown> =
  | { type: 'request'; id: number; body: RequestBody<Source> }
  /** Settles request `id` as cancelled after the step that is running. */
  | { type: 'cancel'; id: number }
  /** Allows request `id` one more logits chunk: they are large, so the reader sets the pace. */
  | { type: 'pull'; id: number };

/** Every request gets exactly one `done` or `error`. */
export type FromWorker =
  | { type: 'event'; id: number; event: Event }
  | { type: 'done'; id: number; answer: Answers[keyof Answers] }
  | { type: 'error'; id: number; error: WireError };
