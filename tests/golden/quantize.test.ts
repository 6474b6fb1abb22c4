// pipit quantize against Python's gguf package and the native tool: tiny models there and back.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { pipit, start, succeed } from '../web/support/cli.ts';
import { assertLlamaLoads, loadModel, makeTinyModels, root, runPython } from './support.ts';

const folder = makeTinyModels();
const inFolder = (name: string): string => join(folder, name);

interface Comparison {
  changed: Record<string, unknown>;
  tensors: Record<string, { type: string; is_exact: boolean | null; error: number }>;
}

/** The largest error, relative to the weights' standard deviation; a half step of 4 bits is about a tenth of it. */
const targets = [
  { type: 'Q4_0', fileType: 2, q: 'Q4_0', sensitive: 'Q4_0', output: 'Q6_K', error: 0.1 },
  { type: 'Q4_1', fileType: 3, q: 'Q4_1', sensitive: 'Q4_1', output: 'Q6_K', error: 0.1 },
  { type: 'Q8_0', fileType: 7, q: 'Q8_0', sensitive: 'Q8_0', output: 'Q8_0', error: 0.006 },
  { type: 'Q4_K', fileType: 15, q: 'Q4_K', sensitive: 'Q6_K', output: 'Q6_K', error: 0.1 },
  { type: 'Q6_K', fileType: 18, q: 'Q6_K', sensitive: 'Q6_K', output: 'Q6_K', error: 0.03 },
  { type: 'F16', fileType: 1, q: 'F16', sensitive: 'F16', output: 'F16', error: 0.0005 },
  { type: 'BF16', fileType: 32, q: 'BF16', sensitive: 'BF16', output: 'BF16', error: 0 },
  { type: 'F32', fileType: 0, q: 'F32', sensitive: 'F32', output: 'F32', error: 0 },
];
for (const { type, fileType, q, sensitive, output, error } of targets) {
  test(`${type}: Python's gguf reads the same model, and finds its own bytes`, async () => {
    const input = inFolder('rows-256.gguf');
    const out = inFolder(`${type}.gguf`);
    await succeed(['quantize', input, out, '--type', type]);
    assertLlamaLoads(`quantize ${type}`, out);
    const { changed, tensors } = JSON.parse(
      runPython('tests/golden/quantised.py', input, out),
    ) as Comparison;
    assert.deepEqual(changed, {
      'general.file_type': fileType,
      'general.quantization_version': 2,
    });
    assert.equal(tensors['blk.0.attn_q.weight']!.type, q);
    assert.equal(tensors['blk.2.ffn_down.weight']!.type, sensitive);
    assert.equal(tensors['output.weight']!.type, output);
    assert.equal(tensors['blk.0.attn_norm.weight']!.type, 'F32');
    for (const [name, tensor] of Object.entries(tensors)) {
      assert.notEqual(tensor.is_exact, false, name);
      assert.ok(tensor.error <= error, `${name}, ${tensor.type}: ${tensor.error}`);
    }

    const native = inFolder(`${type}-native.gguf`);
    execFileSync(join(root, 'build/native/quantize'), [input, native, '--type', type]);
    assert.ok(readFileSync(native).equals(readFileSync(out)), 'the native tool writes the same');

    await using model = await loadModel(out, { kernels: 'reference' });
    const { done } = await model.logits([1, 2, 3])[Symbol.asyncIterator]().next();
    assert.equal(done, false);
  });
}

test('the report says what became of each kind of tensor, and why not another', async () => {
  const args = ['quantize', inFolder('tiny-f16.gguf'), inFolder('report.gguf'), '--type', 'Q8_0'];
  const report = await succeed(args);
  assert.match(report, /report\.gguf: Q8_0, [\d.]+ kB in place of [\d.]+ kB/);
  assert.match(report, /blk\.\*\.attn_q\.weight +2 +F16 +Q8_0 /);
  assert.match(
    report,
    /blk\.\*\.ffn_down\.weight +2 +F16 +F16 .* rows of 72 are not whole blocks of Q8_0/,
  );
});

test('the perplexity before and after is that of pipit perplexity', async () => {
  const [input, out] = [inFolder('rows-256.gguf'), inFolder('perplexity.gguf')];
  const text = inFolder('text.txt');
  writeFileSync(text, 'the there then thing in the ring. '.repeat(8));
  const options = ['--kernels', 'simd128', '--ctx', '64', '--json'];
  const json = await succeed([
    ...['quantize', input, out, '--type', 'Q8_0', '--perplexity', text],
    ...options,
  ]);
  const { perplexity } = JSON.parse(json) as { perplexity: { before: number; after: number } };
  for (const [path, expected] of [
    [input, perplexity.before],
    [out, perplexity.after],
  ] as const) {
    const alone = await succeed(['perplexity', path, '--file', text, ...options]);
    assert.equal((JSON.parse(alone) as { perplexity: number }).perplexity, expected);
  }
  assert.notEqual(perplexity.before, perplexity.after);
});

const taken = inFolder('taken.gguf');
writeFileSync(taken, 'a file');
const link = inFolder('link.gguf');
symlinkSync(inFolder('tiny-f16.gguf'), link);
const good = inFolder('tiny-f16.gguf');
const cut = inFolder('cut.gguf');
writeFileSync(cut, readFileSync(good).subarray(0, -100));
const refusals = [
  { name: 'no OUT', args: [good], code: 2, message: /OUT is missing/ },
  { name: 'no type', args: [good, 'x'], type: null, code: 2, message: /'--type' is missing/ },
  {
    name: 'a type that there is not',
    args: [good, inFolder('x.gguf')],
    type: 'q5',
    message: /does not quantise to "q5".*Q4_0, Q4_1/,
  },
  { name: 'OUT is IN', args: [good, link, '--force'], message: /one file/ },
  { name: 'OUT exists', args: [good, taken], message: /taken\.gguf exists already.*--force/ },
  { name: 'OUT is a folder', args: [good, folder, '--force'], message: /is a folder/ },
  {
    name: 'OUT in a folder that is not there',
    args: [good, inFolder('none/x.gguf')],
    message: /cannot be written: ENOENT/,
  },
  { name: 'a full disk', args: [good, '/dev/full', '--force'], message: /ENOSPC/ },
  { name: 'no IN', args: [inFolder('none.gguf'), taken], message: /no file/ },
  { name: 'a URL', args: ['https://example.org/a.gguf', taken], code: 2, message: /is a URL/ },
  {
    name: 'what is quantised',
    args: [inFolder('tiny-q4_0.gguf'), taken, '--force'],
    message: /"token_embd\.weight" is Q4_0 already/,
  },
  { name: 'no GGUF', args: [inFolder('models.json'), taken, '--force'], message: /not.* GGUF/ },
  {
    name: 'a part of a split model',
    args: [inFolder('split-00001-of-00003.gguf'), taken, '--force'],
    message: /one of the 3 files of a split model/,
  },
  { name: 'an incomplete file', args: [cut, taken, '--force'], message: /100 bytes are missing/ },
];
for (const { name, args, type = 'Q8_0', code = 1, message } of refusals) {
  test(`refused in one line, and nothing is written: ${name}`, async () => {
    const files = readdirSync(folder);
    const finished = await pipit(['quantize', ...args, ...(type === null ? [] : ['--type', type])]);
    assert.equal(finished.code, code, finished.stderr);
    assert.match(finished.stderr, /^pipit: [^\n]+\n$/);
    assert.match(finished.stderr, message);
    assert.deepEqual(readdirSync(folder), files);
    assert.equal(readFileSync(taken, 'utf8'), 'a file');
  });
}

test('Ctrl-C leaves no file behind', async () => {
  const huge = inFolder('huge.gguf');
  truncateSync(huge, 30e9); // it ends where the data would begin; holes take no room
  const files = readdirSync(folder);
  const child = start(['quantize', huge, inFolder('stopped.gguf'), '--type', 'Q8_0']);
  const exit = new Promise((resolve) => child.on('close', resolve));
  while (!readdirSync(folder).some((name) => /^stopped.*part$/.test(name))) await setTimeout(10);
  child.kill('SIGINT');
  assert.equal(await exit, 130);
  assert.deepEqual(readdirSync(folder), files);
});
