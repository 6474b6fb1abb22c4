// Makes the package's scripts for browsers, dist/browser/index.js and worker.js, each complete in itself. Emscripten's glue
// becomes part of the worker, without its branches for Node, so that the worker and wasm/*.wasm are all a page must find.
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { build, transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = path.join(root, 'web/src/browser');
const output = path.join(root, 'dist/browser');

/** The glue's variables that are false in a browser's worker. */
const falseInWorkers = ['ENVIRONMENT_IS_NODE', 'ENVIRONMENT_IS_WEB', 'isNode'];
/** How the glue starts a thread, and how it finds its .wasm, which the worker hands over (web/src/browser/modules.ts). */
const threadStart = /new Worker\(new URL\("[^"]*",\s*import\.meta\.url\),\s*/g;
const ownFile = /new URL\("[^"]*",\s*import\.meta\.url\)/g;

const glue = {
  name: 'glue',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/wasm\/pipit-.*\.mjs$/ }, ({ path: name }) => ({
      path: path.join(output, name),
    }));
    onLoad({ filter: /[\\/]wasm[\\/]pipit-.*\.mjs$/ }, async ({ path: file }) => ({
      contents: await glueForWorkers(file),
      resolveDir: sources,
    }));
  },
};

async function glueForWorkers(file) {
  let text = await readFile(file, 'utf8');
  // Constants take the variables' place, and esbuild leaves out the branches that nothing reaches.
  for (const name of falseInWorkers) text = text.replace(`var ${name}`, `var was_${name}`);
  const isThreaded = threadStart.test(text);
  text = text
    .replaceAll(threadStart, 'startThread(')
    .replaceAll(ownFile, 'new URL(self.location.href)')
    .replaceAll('import.meta.url', 'self.location.href');
  if (file.includes('-threads') !== isThreaded || /\bnew Worker\(/.test(text)) {
    throw new Error(`${file} starts its threads in a way that tools/bundle.mjs does not know.`);
  }
  const define = Object.fromEntries(falseInWorkers.map((name) => [name, 'false']));
  const { code } = await transform(text, { define, minifySyntax: true });
  return isThreaded ? `import { startThread } from './thread.ts';\n${code}` : code;
}

/** Bundles scripts, each complete in itself; `entryPoints` and `outdir` as esbuild has them. */
export async function bundle(entryPoints, outdir) {
  await build({
    entryPoints,
    outdir,
    bundle: true,
    format: 'esm',
    // What has URL.parse(), the newest function in use (README.md names them).
    target: ['chrome126', 'firefox126', 'safari18'],
    // Names stay, for whoever reads a stack.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [glue],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(
    ['index.ts', 'worker.ts'].map((name) => path.join(sources, name)),
    output,
  );
  await copyFile(
    path.join(root, 'node_modules/@huggingface/jinja/LICENSE'),
    path.join(output, 'LICENSE-JINJA'),
  );
}
