// Fails on a back-edge: an include or import from a layer to one that lies to its right (DESIGN.md, "The way of the data").
// Usage: node tools/check-layers.mjs [--self-test]

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

// Left to right; a layer may use itself and what lies to its left. A layer is a folder or single files.
const cppLayers = [
  { name: 'base', paths: ['src/base/', 'include/pipit/status.h', 'include/pipit/options.h'] },
  { name: 'io', paths: ['src/io/'] },
  { name: 'gguf', paths: ['src/gguf/'] },
  { name: 'quant', paths: ['src/quant/'] },
  { name: 'kernels', paths: ['src/kernels/'] },
  { name: 'model', paths: ['src/model/'] },
  { name: 'tokenizer', paths: ['src/tokenizer/'] },
  { name: 'sampling', paths: ['src/sampling/'] },
  { name: 'engine', paths: ['src/engine/', 'include/pipit/engine.h'] },
  { name: 'wasm', paths: ['src/wasm/'] },
];

const typescriptLayers = [
  {
    name: 'protocol',
    paths: [
      ...['errors', 'names', 'sizes', 'check', 'options', 'protocol', 'builds'].map(webFile),
      ...['remote_object', 'slots', 'store/store', 'store/sha256', 'store/remote'].map(webFile),
    ],
  },
  { name: 'store', paths: ['web/src/store/'] },
  { name: 'engine', paths: ['engine', 'start_engine'].map(webFile) },
  { name: 'load', paths: ['web/src/load/'] },
  {
    name: 'worker',
    paths: ['template', 'chat_template', 'jobs', 'scheduler', 'worker'].map(webFile),
  },
  {
    name: 'worker in Node',
    paths: ['node/file_source', 'node/modules', 'node/stores', 'node/worker'].map(webFile),
  },
  {
    name: 'worker in a browser',
    paths: [
      ...['lifeline', 'thread', 'modules', 'stores', 'serve', 'worker'].map((name) =>
        webFile(`browser/${name}`),
      ),
      'web/src/browser/wasm/', // the modules' glue, which is built
    ],
  },
  {
    name: 'client',
    paths: [
      ...[
        'stats',
        'connection',
        'stream',
        'stream_port',
        'session',
        'client',
        'index',
        'measure',
        'version',
      ].map(webFile),
      'web/src/openai/',
    ],
  },
  { name: 'browser', paths: ['web/src/browser/'] },
  { name: 'Node', paths: ['web/src/node/'] },
];

function webFile(name) {
  return `web/src/${name}.ts`;
}

const languages = [
  {
    layers: cppLayers,
    folders: ['include', 'src'],
    files: /\.(cc|h)$/,
    reference: /^[ \t]*#[ \t]*include[ \t]*"([^"]+)"/gm,
    // Includes are written from the roots include/ and src/.
    resolve: (_from, target) =>
      target.startsWith('pipit/') ? `include/${target}` : `src/${target}`,
  },
  {
    layers: typescriptLayers,
    folders: ['web/src'],
    files: /\.ts$/,
    // A worker that is started by its URL is not imported: it runs elsewhere and is reached by messages only.
    reference:
      /^[ \t]*(?:import|export)\b[^;'"]*?['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/gm,
    resolve: (from, target) => path.posix.join(path.posix.dirname(from), target),
  },
];

function layerOf(layers, file) {
  // The first that fits: single files come before the folder they lie in.
  return layers.findIndex(({ paths }) =>
    paths.some((entry) => (entry.endsWith('/') ? file.startsWith(entry) : file === entry)),
  );
}

/** The complaints about one file, as "file:line: message". */
function complaintsAbout(language, file, text) {
  const { layers, reference, resolve } = language;
  const from = layerOf(layers, file);
  if (from < 0)
    return [`${file}: belongs to no layer; add it to the table in tools/check-layers.mjs`];
  const complaints = [];
  for (const match of text.matchAll(reference)) {
    const target = resolve(file, match[1] ?? match[2]);
    const to = layerOf(layers, target);
    const line = text.slice(0, match.index).split('\n').length;
    const names = `layer '${layers[from].name}'`;
    if (to < 0) {
      complaints.push(`${file}:${line}: ${names} uses ${target}, which belongs to no layer`);
    } else if (to > from) {
      const order = layers.map(({ name }) => name).join(' → ');
      complaints.push(
        `${file}:${line}: ${names} uses ${target} of layer '${layers[to].name}', which lies to its right (${order})`,
      );
    }
  }
  return complaints;
}

function checkTree() {
  const complaints = [];
  let checked = 0;
  for (const language of languages) {
    for (const folder of language.folders) {
      for (const entry of readdirSync(path.join(root, folder), { recursive: true })) {
        const file = path.posix.join(folder, entry);
        if (!language.files.test(file)) continue;
        checked += 1;
        complaints.push(
          ...complaintsAbout(language, file, readFileSync(path.join(root, file), 'utf8')),
        );
      }
    }
  }
  return { complaints, checked };
}

/** Shows that the check finds what it is for, and nothing else. */
function selfTest() {
  const [cpp, typescript] = languages;
  const cases = [
    [
      'C++ forward',
      cpp,
      'src/model/decoder.cc',
      '#include "kernels/kernel_set.h"\n#include <vector>\n',
      0,
    ],
    ['C++ same layer', cpp, 'src/model/decoder.cc', '#include "model/rope.h"\n', 0],
    ['C++ public header', cpp, 'src/base/memory.h', '#include "pipit/status.h"\n', 0],
    ['C++ back-edge', cpp, 'src/gguf/gguf.cc', '#include "model/config.h"\n', 1],
    ['C++ back-edge, spaces', cpp, 'src/base/array.h', '  #  include "io/byte_stream.h"\n', 1],
    [
      'C++ back-edge to a public header',
      cpp,
      'src/model/decoder.cc',
      '#include "pipit/engine.h"\n',
      1,
    ],
    [
      'C++ two back-edges',
      cpp,
      'src/io/a.cc',
      '#include "gguf/gguf.h"\n#include "quant/format.h"\n',
      2,
    ],
    ['C++ unknown target', cpp, 'src/io/a.cc', '#include "elsewhere/a.h"\n', 1],
    ['C++ unknown layer', cpp, 'src/elsewhere/a.cc', '', 1],
    [
      'TypeScript forward',
      typescript,
      'web/src/client.ts',
      "import { a } from './protocol.ts';\n",
      0,
    ],
    ['TypeScript Node', typescript, 'web/src/node/index.ts', "export * from '../index.ts';\n", 0],
    [
      'TypeScript Node back-edge',
      typescript,
      'web/src/node/worker.ts',
      "import { a } from './index.ts';\n",
      1,
    ],
    ['TypeScript package', typescript, 'web/src/worker.ts', "import fs from 'node:fs';\n", 0],
    [
      'TypeScript back-edge',
      typescript,
      'web/src/worker.ts',
      "import { a } from './client.ts';\n",
      1,
    ],
    [
      'TypeScript type back-edge',
      typescript,
      'web/src/worker.ts',
      "import type { A } from './index.ts';\n",
      1,
    ],
    ['TypeScript re-export', typescript, 'web/src/errors.ts', "export * from './client.ts';\n", 1],
    [
      'TypeScript many lines',
      typescript,
      'web/src/worker.ts',
      "import {\n  a,\n  b,\n} from './client.ts';\n",
      1,
    ],
    ['TypeScript bare import', typescript, 'web/src/worker.ts', "import './client.ts';\n", 1],
    [
      'TypeScript import()',
      typescript,
      'web/src/worker.ts',
      "const a = await import('./client.ts');\n",
      1,
    ],
  ];
  return cases
    .map(([name, language, file, text, expected]) => [
      name,
      expected,
      complaintsAbout(language, file, text).length,
    ])
    .filter(([, expected, found]) => found !== expected)
    .map(
      ([name, expected, found]) =>
        `self-test '${name}': ${expected} complaints expected, ${found} found`,
    );
}

const complaints = selfTest();
if (!process.argv.includes('--self-test')) {
  const tree = checkTree();
  complaints.push(...tree.complaints);
  if (tree.checked === 0) complaints.push('there was no file to check');
}
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.exitCode = complaints.length === 0 ? 0 : 1;
