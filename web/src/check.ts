// Checks of what callers hand over: each throws invalid_argument with what was given and what may be.
import { PipitError } from './errors.ts';
import { didYouMean } from './names.ts';
import type { ChatMessage } from './protocol.ts';

// A role stands in the prompt's own text, so it may not hold anything that could be taken for a control token.
const ROLE = /^[a-z][a-z0-9_-]*$/i;

export function invalid(message: string): PipitError {
  return new PipitError('invalid_argument', message);
}

/** Throws when `object` has a key outside `allowed`; names the nearest and lists all. */
export function checkKeys(object: unknown, allowed: readonly string[], what: string): void {
  if (typeof object !== 'object' || object === null) {
    throw invalid(`The options must be an object, not ${describe(object)}.`);
  }
  for (const key of Object.keys(object)) {
    if (allowed.includes(key)) continue;
    throw invalid(
      `There is no ${what} '${key}'${didYouMean(key, allowed)}. There are: ${allowed.join(', ')}.`,
    );
  }
}

export function checkString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(`${what} must be a string, not ${describe(value)}.`);
  return value;
}

export function checkBoolean(value: unknown, what: string): void {
  if (typeof value !== 'boolean')
    throw invalid(`${what} must be true or false, not ${describe(value)}.`);
}

/** `tokens` as a plain array of whole numbers; the engine checks that they are in the vocabulary. */
export function checkTokens(tokens: unknown): number[] {
  if (!Array.isArray(tokens) && !(tokens instanceof Int32Array)) {
    throw invalid(`The tokens must be an array of token ids, not ${describe(tokens)}.`);
  }
  const ids = Array.from<unknown>(tokens);
  const wrong = ids.findIndex((id) => !isInt32(id));
  if (wrong >= 0) {
    throw invalid(
      `Number ${wrong + 1} of the tokens must be a token id (a whole number below 2^31), not ${describe(ids[wrong])}.`,
    );
  }
  return ids as number[];
}

/** `messages` reduced to role and content. */
export function checkMessages(messages: unknown): ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid(
      `The messages must be an array with at least one message, not ${describe(messages)}.`,
    );
  }
  return messages.map((message: unknown, i) => {
    const { role, content } = (message ?? {}) as Partial<ChatMessage>;
    if (typeof role !== 'string' || !ROLE.test(role)) {
      throw invalid(
        `The role of messages[${i}] must be a word such as 'user', not ${describe(role)}.`,
      );
    }
    return { role, content: checkString(content, `The content of messages[${i}]`) };
  });
}

/** A value in an error message: short, and recognisable. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function isInt32(value: unknown): boolean {
  return typeof value === 'number' && (value | 0) === value;
}
