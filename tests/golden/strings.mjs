// Strings for the tokenizers that are made from seeds, and hashes of their ids, so that goldens hold neither.
import { createHash } from 'node:crypto';

import { tokenizerInputs } from './inputs.mjs';

// Mulberry32: a small seeded generator, so that the random strings never change by themselves.
export function randomSource(seed) {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const range = (first, last) => (next) => String.fromCodePoint(first + next(last - first + 1));
const pick = (list) => (next) => list[next(list.length)];

// Blocks that have been stable for many Unicode versions, of which the two sides need not have the same.
const stablePieces = [
  range(0x20, 0x7e),
  range(0x20, 0x7e),
  range(0x61, 0x7a),
  range(0x61, 0x7a),
  range(0x30, 0x39),
  pick([' ', ' ', '  ', '\n', '\n\n', '\t', '\r\n', '\u00a0', '\u3000', '\u2028']),
  pick(["'s", "'T", "'re", "'LL", '\u2019s', "'"]),
  pick(['<|im_end|>', '<|im_start|>', '<|', '|>', '<repo_name>']),
  range(0xa1, 0x17f),
  range(0x391, 0x3a1),
  range(0x410, 0x44f),
  range(0x5d0, 0x5ea),
  range(0x660, 0x669),
  range(0x905, 0x939),
  range(0xe01, 0xe30),
  range(0x300, 0x36f),
  range(0x2190, 0x21ff),
  range(0x2460, 0x249b),
  range(0x3041, 0x3096),
  range(0x4e00, 0x9fa5),
  range(0xac00, 0xd7a3),
  range(0x1f600, 0x1f64f),
  range(0x20000, 0x2a6d6),
  range(0, 0x1f),
];

// Any code point, more often one of the first 12,288, and what sentencepiece treats in a way of its own.
const wildPieces = [
  ...stablePieces,
  (next) => {
    const code = next(4) > 0 ? next(0x3000) : next(0x110000);
    return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code);
  },
  range(0x3000, 0xd7ff),
  pick(['\u2581', '\u2581\u2581', '\u2581a', ' \u2581', '\u2581 ', ' '.repeat(4), ' '.repeat(19)]),
  pick(['<bos>', '<eos>', '<unk>', '<s>', '</s>', '<start_of_turn>', '<h1>', '</h1>', '<unused3>']),
  pick(['<0x0A>', '[multimodal]', '\n\n\n', '\t\t', '<|endoftext|>']),
  pick(['The ', ' of', ' would', 'hello ', ' Straße', 'été ', ' ONE', ' iPhone', ' x=']),
];

/** Strings of random pieces. */
export function randomStrings(count, seed, pieces = stablePieces) {
  const next = randomSource(seed);
  return Array.from({ length: count }, () => {
    let text = '';
    for (let n = 1 + next(24); n > 0; --n) {
      const piece = pieces[next(pieces.length)];
      for (let k = 1 + next(4); k > 0; --k) text += piece(next);
    }
    return text;
  });
}

/** All inputs of inputs.mjs, and `count` wilder strings. */
export function manyStrings(count, seed) {
  const inputs = Object.values(tokenizerInputs).flat().map(decodeInput);
  return [...inputs, ...randomStrings(count, seed, wildPieces)];
}

/** An input of inputs.mjs as a string. */
export function decodeInput(input) {
  if (typeof input === 'string') return input;
  if (input.utf16) return String.fromCharCode(...input.utf16);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(input.hex, 'hex'));
}

/** Six characters that stand for a string's ids, without and with special tokens parsed. */
export const hashOfIds = (ids, specialIds) =>
  createHash('sha256').update(`${ids.join()};${specialIds.join()}`).digest('base64').slice(0, 6);
