// The README's lists of what can be loaded are those of the sources.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (...names) => readFileSync(path.join(root, ...names), 'utf8');
const found = (text, pattern) => [...text.matchAll(pattern)].map(([, name]) => name).sort();

const readme = read('README.md');
const families = readdirSync(path.join(root, 'src/model/families'))
  .filter((name) => name.endsWith('.cc'))
  .map((name) => read('src/model/families', name))
  .join('');

const [, table] = /\n\| `general\.architecture`.*\n.*\n((?:\|.*\n)+)/.exec(readme);
const [, weights] = /\nWeights: ([^.]*)\./.exec(readme);
const [, tokenizers] = /\. Tokenizers:([^.]*)/.exec(readme);
const [, formats] = /kFormats\[\] = \{([^}]*)\}/.exec(read('src/quant/formats.cc'));

const lists = [
  {
    what: 'families',
    listed: found(table.replace(/\|[^|]*\|[^|]*\|$/gm, ''), /`(\w+)`/g),
    there: found(families, /\.name = "(\w+)"/g),
    least: 10,
  },
  {
    what: 'formats of weights',
    listed: found(weights, /(\w+)/g),
    there: found(formats, /&k(\w+)Format/g),
    least: 15,
  },
  {
    what: 'kinds of tokenizers',
    listed: found(tokenizers.toLowerCase(), /(?:^|,| and)\s(?:byte-level )?(\w+)(?= \(| with)/g),
    there: found(read('src/tokenizer/tokenizer.cc'), /return create_(\w+)_tokenizer/g),
    least: 3,
  },
];

for (const { what, listed, there, least } of lists) {
  test(`the README lists the ${what}`, () => {
    assert.ok(there.length >= least, `${there.length} found in the sources`);
    assert.deepEqual(listed, there);
  });
}
