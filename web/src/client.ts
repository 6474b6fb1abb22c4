// LanguageModel: what a page or program sees of a loaded model. The work is done in a worker, behind a Connection.
import { MAX_THREADS } from './builds.ts';
import { checkBoolean, checkKeys, checkString, checkTokens, describe, invalid } from './check.ts';
import { Connection, type WorkerHandle } from './connection.ts';
import { cancelledError } from './errors.ts';
import { OpenAIShape } from './openai/index.ts';
import {
  type CallOptions,
  type GenerateOptions,
  type SessionOptions,
  checkCount,
  checkSessionOptions,
} from './options.ts';
import type {
  ChatMessage,
  Embedding,
  KvType,
  LoadProgress,
  LogitsChunk,
  ModelDescription,
  ModelInfo,
  ModelStats,
  Pooling,
  Score,
  SessionRef,
} from './protocol.ts';
import { type ChatOptions, type ScoreOptions, Session } from './session.ts';
import { type StoreOption, checkStore, fallbackOf, storeForWorker } from './store/choice.ts';
import { type GenerationStream, Inbox } from './stream.ts';

export interface LoadOptions {
  /** Kernel set: "auto" (the default: the fastest that works here), "relaxed", "relaxed-i16", "relaxed-i32", "simd128", "xnnpack", "xnnpack-qd8", "reference". */
  kernels?: string;
  /** What the KV cache stores; "auto" (the default): int8 for the llama family, f16 for the others, where int8 costs too much. */
  kvType?: 'auto' | KvType;
  /**
   * From 1 to 64. Default: as many as there are logical processors, at most 4. A page that is not cross-origin isolated
   * has one thread, whatever was asked for; stats().warnings then says so.
   */
  threads?: number;
  /**
   * A tokenizer.model of sentencepiece, in place of the file's own vocabulary: a URL, in Node also a path, or a File or
   * Blob. It must have as many pieces as the model.
   */
  tokenizer?: string | URL | Blob;
  /** Where models from URLs are kept; the default is 'indexeddb', in Node 'files'. */
  store?: StoreOption;
  /** SHA-256 of the file in hexadecimal, of a split model's files in order: another file is refused. */
  expectedSha256?: string | readonly string[];
  /** Asks the browser to keep what is stored. Some then ask the user, for whose answer nothing waits. */
  persist?: boolean;
  /** Context size of the model's sessions in tokens; 0, the default: what the model was trained for. */
  nCtx?: number;
  signal?: AbortSignal;
  /** At most twenty times a second. */
  onProgress?: (progress: LoadProgress) => void;
}

export interface EmbedOptions {
  /** How the vectors of a text's tokens become one; "auto" (the default): as the model's file says. */
  pooling?: 'auto' | Pooling;
  signal?: AbortSignal;
  /** Told after every text. */
  onProgress?: (progress: { done: number; total: number }) => void;
}

/** The files of a model in order, as the worker's environment understands them. */
export interface ModelFiles {
  sources: unknown[];
  /** Where the option 'tokenizer' was given. */
  tokenizer?: unknown;
  /** Those among the sources that are MessagePorts. */
  ports: MessagePort[];
  defaultStore: StoreOption;
  /** To add to those of stats(); it may grow. */
  warnings: readonly string[];
}

/**
 * A loaded model. Its calls may overlap. Its own generate(), chat() and score() share a session, so they run one after
 * another; those of other sessions run at the same time, and take turns.
 */
export class LanguageModel {
  readonly info: ModelInfo;
  readonly #connection: Connection;
  /** Of the sessions, in tokens; 0: what the model was trained for. */
  readonly #nCtx: number;
  /** Of the page itself. */
  readonly #warnings: readonly string[];
  readonly #session: Session;
  #nextSession = 0;
  #openai: OpenAIShape | undefined;

  /** Loads the files that `findFiles` finds into a worker that `startWorker` starts. */
  static async load(
    startWorker: () => WorkerHandle,
    options: LoadOptions,
    findFiles: () => ModelFiles | Promise<ModelFiles>,
  ): Promise<LanguageModel> {
    checkLoadOptions(options);
    const { kernels = 'auto', kvType = 'auto', threads, nCtx = 0, onProgress, signal } = options;
    const { sources, tokenizer, ports, defaultStore, warnings } = await findFiles();
    const expectedSha256 = checkHashes(options.expectedSha256, sources.length);
    const connection = connect(startWorker, signal);
    try {
      const storeOption = options.store ?? defaultStore;
      const store = storeForWorker(storeOption);
      const fallback = fallbackOf(storeOption);
      const stores = [store, fallback].filter((each) => typeof each === 'object');
      const { answer } = connection.request(
        {
          ...{ type: 'load', sources, tokenizer, store, fallback, expectedSha256 },
          ...{ kernels, kvType, threads },
        },
        {
          signal,
          transfer: [...ports, ...stores.map(({ port }) => port)],
          onEvent: (event) => {
            if (event.type !== 'progress') return;
            const { loaded, total, downloaded } = event;
            onProgress?.({ loaded, total, downloaded });
          },
        },
      );
      return new LanguageModel(connection, await answer, nCtx, warnings);
    } catch (error) {
      await connection.dispose('The model');
      throw error;
    }
  }

  /** Reads only the header of `source`; works for models that pipit cannot run too. */
  static async inspect(
    startWorker: () => WorkerHandle,
    source: unknown,
    signal?: AbortSignal,
  ): Promise<ModelDescription> {
    const connection = connect(startWorker, signal);
    try {
      return await connection.request({ type: 'inspect', source }, { signal }).answer;
    } finally {
      await connection.dispose('The model');
    }
  }

  private constructor(
    connection: Connection,
    info: ModelInfo,
    nCtx: number,
    warnings: readonly string[],
  ) {
    this.#connection = connection;
    this.info = info;
    this.#nCtx = nCtx;
    this.#warnings = warnings;
    this.#session = new Session(connection, this.#sessionRef({}), info);
  }

  /** A conversation of its own, beside that of the model's own calls. */
  async createSession(options: SessionOptions = {}): Promise<Session> {
    const session = this.#sessionRef(options);
    await this.#connection.request({ type: 'createSession', session }).answer;
    return new Session(this.#connection, session, this.info);
  }

  /** Session.generate() of the model's own session. */
  generate(
    prompt: string | readonly number[],
    options?: GenerateOptions & CallOptions,
  ): GenerationStream {
    return this.#session.generate(prompt, options);
  }

  /** Session.chat() of the model's own session. */
  chat(messages: readonly ChatMessage[], options?: ChatOptions): GenerationStream {
    return this.#session.chat(messages, options);
  }

  /** Session.score() of the model's own session. */
  score(
    prompt: string | readonly number[] | readonly ChatMessage[],
    candidates: readonly string[],
    options?: ScoreOptions,
  ): Promise<Score[]> {
    return this.#session.score(prompt, candidates, options);
  }

  /**
   * A vector for each text: those of texts with near meanings have near directions, in embedding models. Whatever prefix
   * a model was trained with ("search_query: ") belongs to the text. A text longer than the model's context is an error.
   */
  async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<Embedding[]> {
    if (!Array.isArray(texts))
      throw invalid(`The texts must be an array of strings, not ${describe(texts)}.`);
    checkKeys(options, ['pooling', 'signal', 'onProgress'], 'option of embed()');
    const { pooling = 'auto', signal, onProgress } = options;
    checkString(pooling, "The option 'pooling'");
    const checked = Array.from(texts, (text, i) => checkString(text, `texts[${i}]`));
    return await this.#connection.request(
      { type: 'embed', texts: checked, pooling },
      {
        signal,
        onEvent: (event) => {
          if (event.type === 'embedded') onProgress?.({ done: event.done, total: event.total });
        },
      },
    ).answer;
  }

  /** The same by the names of OpenAI's API: `openai.chat.completions.create()` and its like. */
  get openai(): OpenAIShape {
    return (this.#openai ??= new OpenAIShape(this));
  }

  /** Token ids of `text`. `addSpecial` (default true) begins with BOS where the model wants it. */
  async tokenize(
    text: string,
    options: { addSpecial?: boolean; parseSpecial?: boolean } = {},
  ): Promise<number[]> {
    checkString(text, 'The text');
    checkKeys(options, ['addSpecial', 'parseSpecial'], 'option of tokenize()');
    const { addSpecial = true, parseSpecial = false } = options;
    checkBoolean(addSpecial, "The option 'addSpecial'");
    checkBoolean(parseSpecial, "The option 'parseSpecial'");
    return await this.#connection.request({ type: 'tokenize', text, addSpecial, parseSpecial })
      .answer;
  }

  /** The text of token ids; that of control tokens only with `special`. */
  async detokenize(
    tokens: readonly number[],
    options: { special?: boolean } = {},
  ): Promise<string> {
    checkKeys(options, ['special'], 'option of detokenize()');
    const { special = false } = options;
    checkBoolean(special, "The option 'special'");
    return await this.#connection.request({
      type: 'detokenize',
      tokens: checkTokens(tokens),
      special,
    }).answer;
  }

  /** Teacher-forced logits of `tokens`, some rows at a time; row i holds what follows token i. */
  async *logits(
    tokens: readonly number[],
    options: { nCtx?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<LogitsChunk, void, undefined> {
    checkKeys(options, ['nCtx', 'signal'], 'option of logits()');
    const { nCtx = this.#nCtx, signal } = options;
    checkCount(nCtx, 'nCtx');
    const chunks = new Inbox<LogitsChunk>();
    const request = this.#connection.request(
      { type: 'logits', tokens: checkTokens(tokens), nCtx },
      {
        signal,
        onEvent: (event) => {
          if (event.type === 'logits')
            chunks.push({ start: event.start, n: event.n, logits: event.logits });
        },
      },
    );
    chunks.endWith(request.answer);
    request.pull();
    try {
      for (let chunk = await chunks.take(); chunk; chunk = await chunks.take()) {
        // Asked for before the reader works on this one, so that the worker does not wait.
        request.pull();
        yield chunk;
      }
      await request.answer;
    } finally {
      request.cancel();
    }
  }

  /** Memory, kernel set, threads, load time and warnings. */
  async stats(): Promise<ModelStats> {
    const { warnings, ...others } = await this.#connection.request({ type: 'stats' }).answer;
    return { ...others, warnings: [...warnings, ...this.#warnings] };
  }

  /** Ends the worker and frees its memory. What is pending is rejected as cancelled. May be called at any time. */
  async dispose(): Promise<void> {
    await this.#connection.dispose('The model');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #sessionRef(options: SessionOptions): SessionRef {
    return { id: this.#nextSession++, options: checkSessionOptions(options, this.#nCtx) };
  }
}

function checkLoadOptions(options: LoadOptions): void {
  const names = ['kernels', 'kvType', 'threads', 'nCtx', 'tokenizer', 'store', 'expectedSha256'];
  checkKeys(options, [...names, 'persist', 'signal', 'onProgress'], 'option of loadModel()');
  const { kernels, kvType, threads, nCtx = 0, store, persist } = options;
  checkCount(nCtx, 'nCtx');
  if (store !== undefined) checkStore(store);
  if (persist !== undefined) checkBoolean(persist, "The option 'persist'");
  if (kernels !== undefined) checkString(kernels, "The option 'kernels'");
  if (kvType !== undefined) checkString(kvType, "The option 'kvType'");
  const isNumber = Number.isInteger(threads) && threads! >= 1 && threads! <= MAX_THREADS;
  if (threads !== undefined && !isNumber)
    throw invalid(
      `The option 'threads' must be a whole number from 1 to ${MAX_THREADS}, not ${describe(threads)}.`,
    );
}

/** As an array, in small letters. */
function checkHashes(option: LoadOptions['expectedSha256'], nFiles: number): string[] {
  if (option === undefined) return [];
  const hashes = (Array.isArray(option) ? option : [option]) as unknown[];
  if (hashes.length !== nFiles) {
    throw invalid(
      `The option 'expectedSha256' has ${hashes.length} hashes, but the model has ${nFiles} files. Give an array with one for each.`,
    );
  }
  return hashes.map((hash) => {
    if (typeof hash === 'string' && /^[0-9a-f]{64}$/i.test(hash)) return hash.toLowerCase();
    throw invalid(
      `The option 'expectedSha256' must be 64 hexadecimal digits, not ${describe(hash)}.`,
    );
  });
}

function connect(startWorker: () => WorkerHandle, signal: AbortSignal | undefined): Connection {
  if (signal?.aborted) throw cancelledError('The load request', signal.reason);
  return new Connection(startWorker());
}
