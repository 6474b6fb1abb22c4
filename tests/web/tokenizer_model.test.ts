// The option 'tokenizer': a tokenizer.model of sentencepiece in place of a file's own vocabulary.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { type LoadOptions, loadModel } from '../../dist/node/index.js';
import { rejectsWith } from './support/expect.ts';

const ID = 'smollm2-135m-instruct-q4_1'; // with 49,152 tokens
const N_VOCAB = 49_152;

const folder = mkdtempSync(join(tmpdir(), 'pipit-tokenizer-'));
after(() => rmSync(folder, { recursive: true }));

const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

/** The file's protobuf: <unk>, <s>, </s>, the bytes, letters, and pieces that no text has up to `n`. */
function tokenizerModel(n: number): Buffer {
  const pieces: [string, number][] = [
    ['<unk>', UNKNOWN],
    ['<s>', CONTROL],
    ['</s>', CONTROL],
  ];
  for (let byte = 0; byte < 256; ++byte) {
    pieces.push([`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE]);
  }
  for (const text of ['a', 'b', '\u2581', 'ab', '\u2581ab']) pieces.push([text, NORMAL]);
  while (pieces.length < n) pieces.push([`\u{10FFFD}${pieces.length}`, NORMAL]);
  const score = Buffer.alloc(5);
  const encoded = pieces.flatMap(([text, type], i) => {
    score[0] = 0x15; // field 2, 32 bits
    score.writeFloatLE(-i, 1);
    const piece = Buffer.concat([field(1, Buffer.from(text)), score, Buffer.from([0x18, type])]);
    return [field(1, piece)];
  });
  const isBpe = Buffer.from([0x18, 2]); // the trainer's field 3
  return Buffer.concat([...encoded, field(2, isBpe)]);
}

function field(number: number, content: Buffer): Buffer {
  assert.ok(content.length < 128); // so that its length is one byte
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}

function fileOf(name: string, bytes: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const whole = tokenizerModel(N_VOCAB);

const sources: { name: string; tokenizer: LoadOptions['tokenizer'] }[] = [
  { name: 'a path', tokenizer: fileOf('tokenizer.model', whole) },
  { name: 'a Blob', tokenizer: new Blob([new Uint8Array(whole)]) },
];

for (const { name, tokenizer } of sources) {
  test(`the vocabulary comes from ${name}`, async () => {
    await using model = await loadModel(ID, { tokenizer });
    assert.equal(model.info.tokenizer, 'sentencepiece');
    assert.equal(model.info.bosToken, '<s>');
    const ids = await model.tokenize('ab ba\n');
    assert.deepEqual(ids, [1, 263, 261, 260, 259, 3 + 10]);
    assert.equal(await model.detokenize(ids.slice(1)), 'ab ba\n');
  });
}

const wrong: { name: string; tokenizer: unknown; code: string; message: RegExp }[] = [
  {
    name: 'a piece too few',
    tokenizer: fileOf('few.model', tokenizerModel(N_VOCAB - 1)),
    code: 'invalid_argument',
    message: /given tokenizer has 49151 tokens, but 'token_embd.weight' has 49152 rows/,
  },
  {
    name: 'another file',
    tokenizer: fileOf('other.model', Buffer.from('{"model": {}}')),
    code: 'invalid_file',
    message: /13 bytes are no vocabulary of sentencepiece/,
  },
  {
    name: 'no file',
    tokenizer: join(folder, 'none.model'),
    code: 'not_found',
    message: /none\.model/,
  },
  {
    name: 'a number',
    tokenizer: 5,
    code: 'invalid_argument',
    message: /'tokenizer' must be a path, a URL, a File or a Blob, not 5/,
  },
];

for (const { name, tokenizer, code, message } of wrong) {
  test(`as a tokenizer, ${name} is refused`, async () => {
    await rejectsWith(loadModel(ID, { tokenizer: tokenizer as string }), code, message);
  });
}
