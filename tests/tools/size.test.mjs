// tools/size.mjs: sections of modules made by hand, and what is no module.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isTooLarge, measureModule, wasmSections } from '../../tools/size.mjs';

const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const module = (...sections) => Uint8Array.from([...header, ...sections.flat()]);
const long = new Array(200).fill(7);

const modules = [
  { name: 'no section', sections: [], expected: [] },
  { name: 'an empty type section', sections: [[1, 0]], expected: [['type', 2]] },
  {
    name: 'code and data, a size of two bytes',
    sections: [
      [10, 0xc8, 0x01, ...long],
      [11, 1, 9],
    ],
    expected: [
      ['code', 203],
      ['data', 3],
    ],
  },
  {
    name: 'a size written with more bytes than it needs',
    sections: [[12, 0x81, 0x80, 0x80, 0x80, 0x00, 5]],
    expected: [['data count', 7]],
  },
  {
    name: 'custom sections, by their names',
    sections: [[0, 5, 4, ...Buffer.from('name')]],
    expected: [['custom "name"', 7]],
  },
  { name: 'a section from the future', sections: [[99, 1, 1]], expected: [['section 99', 3]] },
];
for (const { name, sections, expected } of modules) {
  test(`sections: ${name}`, () => {
    const found = wasmSections(module(...sections)).map((s) => [s.name, s.bytes.length]);
    assert.deepEqual(found, expected);
  });
}

const refused = [
  { name: 'nothing', bytes: [], message: /no Wasm module/ },
  { name: 'text', bytes: Buffer.from('<!doctype html>'), message: /no Wasm module/ },
  { name: 'a section cut off', bytes: module([10, 5, 1]), message: /ends within a section/ },
  { name: 'a size cut off', bytes: module([10, 0x80]), message: /ends within a number/ },
  {
    name: 'a size of six bytes',
    bytes: module([10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
    message: /more than five bytes/,
  },
];
for (const { name, bytes, message } of refused) {
  test(`refused: ${name}`, () =>
    assert.throws(() => wasmSections(Uint8Array.from(bytes)), message));
}

test('a module is the sum of its sections, those of a name together', () => {
  const bytes = module([0, 2, 1, 0x61], [10, 1, 0], [0, 3, 1, 0x61, 0]);
  const { total, sections } = measureModule(bytes);
  assert.equal(total, bytes.length);
  assert.deepEqual(
    sections.map((section) => [section.name, section.total]),
    [
      ['custom "a"', 9],
      ['code', 3],
    ],
  );
});

const limits = [
  { gzipped: 450_000, expected: false },
  { gzipped: 450_001, expected: true },
];
for (const { gzipped, expected } of limits) {
  test(`a module of ${gzipped} bytes is ${expected ? 'too large' : 'fine'}`, () =>
    assert.equal(isTooLarge({ gzipped }), expected));
}
