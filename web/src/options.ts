// The options of sessions, generate() and chat(); those of generations are one table that validation, the Wasm call and
// the command line share.
// Meanings and defaults are those of include/pipit/options.h; ranges are checked there.
import { checkKeys, describe, invalid } from './check.ts';
import { toSnake } from './names.ts';

/** What a generation can be told; every field is optional. */
export interface GenerateOptions {
  /** Tokens to generate at most; -1: until the model stops or the context is full. */
  maxTokens?: number;
  /** Generation ends before the first of these strings. */
  stop?: string | string[];
  /** End-of-generation tokens are never drawn (benchmarks). */
  ignoreEos?: boolean;
  /** 0: greedy. Default 0.2. */
  temperature?: number;
  /** Only the k likeliest tokens are drawn; 0: all. Default 40. */
  topK?: number;
  /** Only the likeliest tokens whose probabilities sum up to this; 1: all. Default 0.9. */
  topP?: number;
  /** Only tokens at least this probable, relative to the likeliest; 0: all. Default 0.05. */
  minP?: number;
  /** Divides (negative: multiplies) the logits of recent tokens; 1: off. Default 1. */
  repeatPenalty?: number;
  /** Subtracted once from the logit of every recent token. Default 0. */
  presencePenalty?: number;
  /** Subtracted from a recent token's logit once an occurrence. Default 0. */
  frequencyPenalty?: number;
  /** How many recent tokens the penalties look at; -1: the whole context. Default 64. */
  penaltyLastN?: number;
  /** The same seed, prompt and options give the same text. Default: random, found in the result. */
  seed?: number;
  /** Pairs of token id and what is added to its logit; -Infinity forbids the token. */
  logitBias?: [id: number, bias: number][];
  /** Gives the log-probability of every token, and this many of the likeliest at its place, 0 to 20. Default: none. */
  logprobs?: number;
}

/** What a session can be told; every field is optional. */
export interface SessionOptions {
  /** Context size in tokens; 0: what the model was trained for. Default: what loadModel() was told. */
  nCtx?: number;
  /**
   * What happens when the context is full. "stop", the default: the generation ends. "slide": the older half of the
   * tokens behind the first `keepTokens` is dropped, and it goes on; a prompt that is too long loses them likewise.
   */
  whenFull?: 'stop' | 'slide';
  /** How many tokens at the beginning are never dropped, say those of a system prompt. Default 0. */
  keepTokens?: number;
}

/** What a caller gives beside the GenerateOptions; stays on the caller's side of the worker. */
export interface CallOptions {
  signal?: AbortSignal;
  /** Told after every chunk of the prompt. */
  onPrefill?: (progress: { done: number; total: number }) => void;
}

type Kind = 'integer' | 'number' | 'boolean' | 'strings' | 'pairs';

export interface OptionSpec {
  name: keyof GenerateOptions;
  kind: Kind;
  /** One line for --help. */
  help: string;
}

export const GENERATE_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'maxTokens',
    kind: 'integer',
    help: 'tokens to generate at most; -1: until the model stops',
  },
  { name: 'stop', kind: 'strings', help: 'stop before this text (may be given several times)' },
  { name: 'ignoreEos', kind: 'boolean', help: 'never stop at an end-of-generation token' },
  { name: 'temperature', kind: 'number', help: 'randomness; 0: greedy (default 0.2)' },
  { name: 'topK', kind: 'integer', help: 'draw from the K likeliest tokens; 0: all (default 40)' },
  {
    name: 'topP',
    kind: 'number',
    help: 'draw from the likeliest tokens that sum up to P (default 0.9)',
  },
  {
    name: 'minP',
    kind: 'number',
    help: 'least probability relative to the likeliest (default 0.05)',
  },
  {
    name: 'repeatPenalty',
    kind: 'number',
    help: 'divides the logits of recent tokens (default 1: off)',
  },
  {
    name: 'presencePenalty',
    kind: 'number',
    help: 'subtracted once for a recent token (default 0)',
  },
  { name: 'frequencyPenalty', kind: 'number', help: 'subtracted once an occurrence (default 0)' },
  {
    name: 'penaltyLastN',
    kind: 'integer',
    help: 'recent tokens that penalties see; -1: all (default 64)',
  },
  { name: 'seed', kind: 'integer', help: 'makes the text reproducible (default: random)' },
  {
    name: 'logitBias',
    kind: 'pairs',
    help: 'ID=BIAS, added to the logit of a token (several times)',
  },
  {
    name: 'logprobs',
    kind: 'integer',
    help: 'with --json: log-probabilities of the tokens, and of the N likeliest at their places',
  },
];

const KIND_TEXT: Record<Kind, string> = {
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  strings: 'a string or an array of strings',
  pairs: 'an array of [token id, bias] pairs',
};

const CALL_OPTIONS = ['signal', 'onPrefill'];

/**
 * The generation options among `options`, checked. Throws invalid_argument for an option that neither GENERATE_OPTIONS,
 * CALL_OPTIONS nor `others` has, and for a value of the wrong type.
 */
export function checkGenerateOptions(
  options: object,
  others: readonly string[] = [],
): GenerateOptions {
  const names = GENERATE_OPTIONS.map((option) => option.name);
  checkKeys(options, [...names, ...CALL_OPTIONS, ...others], 'option');
  const checked: Record<string, unknown> = {};
  for (const { name, kind } of GENERATE_OPTIONS) {
    const value = (options as GenerateOptions)[name];
    if (value === undefined) continue;
    if (!hasKind(value, kind)) {
      throw invalid(`The option '${name}' must be ${KIND_TEXT[kind]}, not ${describe(value)}.`);
    }
    checked[name] = value;
  }
  const { seed } = checked as GenerateOptions;
  if (seed !== undefined && seed < 0)
    throw invalid(`The option 'seed' must be 0 or more, not ${seed}.`);
  return checked;
}

/** The session options, checked and complete; ranges are checked where the session is created. */
export function checkSessionOptions(
  options: SessionOptions,
  defaultNCtx: number,
): Required<SessionOptions> {
  checkKeys(options, ['nCtx', 'whenFull', 'keepTokens'], 'option of createSession()');
  const { nCtx = defaultNCtx, whenFull = 'stop', keepTokens = 0 } = options;
  checkCount(nCtx, 'nCtx');
  checkCount(keepTokens, 'keepTokens');
  if (whenFull !== 'stop' && whenFull !== 'slide')
    throw invalid(`The option 'whenFull' must be 'stop' or 'slide', not ${describe(whenFull)}.`);
  return { nCtx, whenFull, keepTokens };
}

export function checkCount(value: unknown, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw invalid(`The option '${name}' must be a whole number from 0, not ${describe(value)}.`);
}

/** The JSON fields of pipit_generate_begin, beside the tokens. JSON turns a bias of -Infinity into the null it stands for. */
export function toWireOptions(options: GenerateOptions): Record<string, unknown> {
  const wire: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) wire[toSnake(name)] = value;
  if (typeof options.stop === 'string') wire.stop = [options.stop];
  return wire;
}

/** A seed for callers that gave none. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

function hasKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'strings':
      return typeof value === 'string' || isArrayOf(value, (item) => typeof item === 'string');
    case 'pairs':
      return isArrayOf(value, isBiasPair);
  }
}

function isArrayOf(value: unknown, test: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(test);
}

function isBiasPair(pair: unknown): boolean {
  if (!Array.isArray(pair) || pair.length !== 2) return false;
  const [id, bias] = pair as unknown[];
  return Number.isSafeInteger(id) && (Number.isFinite(bias) || bias === -Infinity);
}
