// A vocabulary on its way into a GGUF file, and the tokens that were added to it after training.
import { PipitError } from '../../errors.ts';
import { isObject } from './json.ts';

export interface Vocabulary {
  /** tokenizer.ggml.model: byte-level BPE, sentencepiece or WordPiece. */
  model: 'gpt2' | 'llama' | 'bert';
  /** tokenizer.ggml.pre. */
  pre: string;
  tokens: string[];
  /** TOKEN_TYPES. */
  types: number[];
  /** Of sentencepiece: the greater, the sooner a piece is made. */
  scores: number[];
  /** Of byte-level BPE. */
  merges?: string[];
  /** Of sentencepiece: a text gets a space in front. */
  addsSpacePrefix: boolean;
  /** Of WordPiece: what becomes of a text's characters. */
  normalizer?: { lowercase: boolean; stripsAccents: boolean };
}

/** tokenizer.ggml.token_type's numbers, which are sentencepiece's. */
export const TOKEN_TYPES = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** As many as pipit loads (kMaxVocab in src/model/config.h). */
const MAX_TOKENS = 1 << 22;

/** Throws invalid_file for an id that no model's token has, before a list grows to it. */
export function checkId(id: unknown, token: string): asserts id is number {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < MAX_TOKENS) return;
  throw new PipitError(
    'invalid_file',
    `The tokenizer's token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}; ids are whole numbers from 0 to ${MAX_TOKENS - 1}.`,
  );
}

const LOOKS_SPECIAL = /^(<pad>|<mask>|<2mass>|\[@BOS@\]|<\|.*\|>|<｜.*｜>|<unused.*>)$/su;

/** Tokens with `id`, `content` and `special`, as tokenizer.json lists them. Throws invalid_file for anything else. */
export function addTokens(vocabulary: Vocabulary, added: unknown): void {
  const { tokens, types, scores } = vocabulary;
  if (!Array.isArray(added)) throw noToken(added);
  for (const token of added as unknown[]) {
    if (!isObject(token) || typeof token.content !== 'string') throw noToken(token);
    const { id, content, special } = token;
    checkId(id, content);
    // Some models do not mark their control tokens as special, so those that look so are taken for such.
    const isControl = special === true || LOOKS_SPECIAL.test(content);
    const kept = types[id] === TOKEN_TYPES.unknown || types[id] === TOKEN_TYPES.byte;
    if (!kept) types[id] = isControl ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined;
    // Texts meet these tokens before spaces become U+2581.
    tokens[id] = isControl ? content : content.replaceAll('\u2581', ' ');
    scores[id] ??= -1000;
  }
}

function noToken(value: unknown): PipitError {
  return new PipitError(
    'invalid_file',
    `Among the tokenizer's added tokens is ${JSON.stringify(value)}, which is no token with its 'content'.`,
  );
}
