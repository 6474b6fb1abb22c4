// The packed package by itself: what is in it, for Node, for TypeScript, and on a server.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { build } from 'esbuild';

import { makeTinyModels } from '../golden/support.ts';
import { root, unpackPackage } from './support.mjs';

const run = promisify(execFile);
const limitBytes = 3_000_000;

const { app, installed, description } = unpackPackage();
const model = path.join(makeTinyModels(), 'tiny-q4_0.gguf');

test(`the package has at most ${limitBytes} bytes`, () => {
  assert.ok(description.size <= limitBytes, `it has ${description.size}`);
});

test('the package holds what is needed and nothing else', () => {
  const names = description.files.map((file) => file.path);
  const allowed =
    /^(LICENSE|README\.md|package\.json|dist\/[\w/-]+(\.d\.ts|\.js)|dist\/browser\/(LICENSE-JINJA|wasm\/(LICENSE-(XNNPACK|SENTENCEPIECE)|pipit-[\w-]+\.(mjs|wasm))))$/;
  assert.deepEqual(
    names.filter((name) => !allowed.test(name)),
    [],
  );
  for (const name of ['LICENSE', 'dist/browser/LICENSE-JINJA', 'dist/browser/worker.js']) {
    assert.ok(names.includes(name), name);
  }
});

test('no script names a source map', async () => {
  for (const { path: name } of description.files.filter((file) => /\.m?js$/.test(file.path))) {
    assert.doesNotMatch(
      await readFile(path.join(installed, name), 'utf8'),
      /sourceMappingURL/,
      name,
    );
  }
});

test("the page's scripts import nothing", async () => {
  const { metafile } = await build({
    entryPoints: ['index.js', 'worker.js'].map((name) =>
      path.join(installed, 'dist/browser', name),
    ),
    bundle: true,
    external: ['*'],
    format: 'esm',
    outdir: app,
    write: false,
    metafile: true,
  });
  const inputs = Object.values(metafile.inputs);
  assert.deepEqual([inputs.length, inputs.flatMap(({ imports }) => imports)], [2, []]);
});

const programs = {
  'loads a model and generates': {
    text: `import { loadModel } from 'pipit';
      const model = await loadModel(${JSON.stringify(model)}, { threads: 2 });
      const { tokens } = await model.generate('the', { maxTokens: 3, ignoreEos: true }).result;
      await model.dispose();
      console.log(tokens.length);`,
    output: '3\n',
  },
  "imports the page's entry, which does nothing": {
    text: `const before = Object.keys(globalThis);
      const pipit = await import(${JSON.stringify(path.join(installed, 'dist/browser/index.js'))});
      console.log(typeof pipit.loadModel, Object.keys(globalThis).length - before.length);`,
    output: 'function 0\n',
  },
};
for (const [name, { text, output }] of Object.entries(programs)) {
  test(`Node: ${name}`, async () => {
    const args = ['--input-type=module', '--eval', text];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: app, timeout: 60_000 });
    assert.deepEqual({ stdout, stderr }, { stdout: output, stderr: '' });
  });
}

test('the command line runs', async () => {
  const { bin, version } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8'));
  const args = [path.join(installed, bin.pipit), '--version'];
  const { stdout } = await run(process.execPath, args, { timeout: 60_000 });
  assert.equal(stdout, `${version}\n`);
});

// TypeScript takes the types of a page from a bundler's resolution, those of Node from Node's own.
const consumers = {
  bundler: { module: 'esnext', source: 'new Blob([])' },
  node16: { module: 'node16', source: "'model.gguf'" },
  nodenext: { module: 'nodenext', source: "'model.gguf'" },
};
for (const [moduleResolution, { module, source }] of Object.entries(consumers)) {
  test(`TypeScript: a program with the module resolution '${moduleResolution}'`, async () => {
    const folder = path.join(app, moduleResolution);
    const compilerOptions = {
      ...{ noEmit: true, strict: true, target: 'es2022', types: [], module, moduleResolution },
      lib: ['es2024', 'esnext.disposable', 'dom', 'dom.asynciterable'],
    };
    await mkdir(folder);
    await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    await writeFile(
      path.join(folder, 'consumer.ts'),
      `import { type GenerateResult, type LanguageModel, PipitError, loadModel } from 'pipit';
      const model: LanguageModel = await loadModel(${source}, { threads: 2 });
      for await (const piece of model.generate('a')) { const text: string = piece.text; text.trim(); }
      const result: GenerateResult = await model.chat([{ role: 'user', content: 'a' }]).result;
      if (result.seed < 0) throw new PipitError('internal', '');
      // @ts-expect-error: no model is a number
      await loadModel(3);
      // @ts-expect-error: there is no such option
      model.generate('a', { maxToken: 3 });\n`,
    );
    const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '--project', folder], {
      timeout: 120_000,
    }).catch((error) => error);
    assert.equal(stdout, '');
  });
}
