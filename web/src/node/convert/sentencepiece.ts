// tokenizer.model: sentencepiece's ModelProto (sentencepiece_model.proto), read as far as GGUF needs it.
import { PipitError } from '../../errors.ts';
import type { Vocabulary } from './vocabulary.ts';

const BPE = 2;

/** A message's fields: numbers of varints and 4-byte floats, bytes of everything with a length. */
type Field = { number: number; value: number | Uint8Array };

/** Throws invalid_file for what is no such file, unsupported for another model than BPE. */
export function readSentencePiece(bytes: Uint8Array): Vocabulary {
  const vocabulary: Vocabulary = {
    model: 'llama',
    pre: 'default',
    tokens: [],
    types: [],
    scores: [],
    addsSpacePrefix: true,
  };
  let modelType = 1;
  for (const { number, value } of fields(bytes)) {
    if (typeof value === 'number') continue;
    if (number === 1) addPiece(vocabulary, value);
    if (number === 2) modelType = numberIn(value, 3) ?? modelType;
    if (number === 3) vocabulary.addsSpacePrefix = (numberIn(value, 3) ?? 1) !== 0;
  }
  if (vocabulary.tokens.length === 0) throw damaged();
  if (modelType !== BPE) {
    throw new PipitError(
      'unsupported',
      `tokenizer.model is of sentencepiece's type ${modelType}. pipit converts BPE (${BPE}).`,
    );
  }
  return vocabulary;
}

function addPiece({ tokens, types, scores }: Vocabulary, bytes: Uint8Array): void {
  let [text, score, type] = ['', 0, 1];
  for (const { number, value } of fields(bytes)) {
    if (number === 1 && typeof value !== 'number') text = new TextDecoder().decode(value);
    if (number === 2 && typeof value === 'number') score = value;
    if (number === 3 && typeof value === 'number') type = value;
  }
  tokens.push(text);
  scores.push(score);
  types.push(type);
}

function numberIn(bytes: Uint8Array, wanted: number): number | undefined {
  const found = [...fields(bytes)].findLast(({ number }) => number === wanted);
  return typeof found?.value === 'number' ? found.value : undefined;
}

function* fields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63) throw damaged();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const length = { 0: 0, 1: 8, 2: -1, 5: 4 }[tag % 8];
    if (length === undefined) throw damaged();
    if (length === 0) {
      yield { number, value: varint() };
      continue;
    }
    const n = length < 0 ? varint() : length;
    if (at + n > bytes.length) throw damaged();
    yield { number, value: length === 4 ? view.getFloat32(at, true) : bytes.subarray(at, at + n) };
    at += n;
  }
}

function damaged(): PipitError {
  return new PipitError(
    'invalid_file',
    'tokenizer.model is no file of sentencepiece, or damaged. Download it again.',
  );
}
