// How far pipit's probabilities are from what a model file means, teacher-forced over a text.
// The yardstick is llama.cpp on an F32 copy of the file, which is exact to 1e-8; llama.cpp on the
// file itself is shown beside pipit, because it rounds activations to 8 bits. It can be the
// yardstick, too: then one sees how far its rounding lets anything agree with it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { quantile } from '../../dist/stats.js';
import { describeLlama, logSoftmax, openLlama, openModel } from './llama.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const kF16 = 1; // ggml's number of the type
const kChunk = 64; // rows of logits held at a time
const bounds = { mean_kl: 1e-3, same_top: 0.99, perplexity_ratio: 0.005 };

const usage = `Usage: node benchmarks/peers/kl.mjs [options]

  --model PATH      GGUF file (default: SmolLM2-135M-Instruct Q4_1 in models/cache)
  --text PATH       (default: tests/golden/text.txt)
  --tokens N        tokens of the text, read as one context (default: 4096)
  --yardstick NAME  what the others are compared with (default: exact)
  --subjects LIST   (default: pipit,llama.cpp)
                    Names: exact (llama.cpp on an F32 copy), pipit, llama.cpp (the file itself, with
                    an F32 KV cache), llama.cpp-f16 (the same with its default, an F16 KV cache)
  --kernels NAME    pipit's kernel set (default: simd128)
  --kv-type NAME    pipit's KV cache: auto (default), f32, f16, int8
  --python PATH     Python with numpy and gguf (default: .toolchain/venv/bin/python)
  --json            print JSON in place of a table
  --help            this text

Ends with status 1 if pipit exceeds the bounds: mean KL divergence ${bounds.mean_kl}, same top token
${bounds.same_top}, perplexity ratio 1 +- ${bounds.perplexity_ratio}.
`;

// Sources of logits: rows(tokens) yields a Float32Array [n_vocab] for each token, in order.
async function openLlamaSource(llama, path, nCtx, options = {}) {
  const model = await openModel(llama, path);
  const context = await model.context({ nCtx, batch: kChunk, ...options });
  return {
    close: () => context.dispose().then(() => model.dispose()),
    async *rows(tokens) {
      for (let first = 0; first < tokens.length; first += kChunk) {
        const chunk = [];
        await context.feed(
          tokens.slice(first, first + kChunk),
          () => true,
          (_, logits) => chunk.push(logits),
        );
        yield* chunk;
      }
    },
  };
}

async function openPipitSource(path, kernels, kvType, nCtx) {
  const { loadModel } = await import(join(root, 'dist', 'node', 'index.js'));
  const model = await loadModel(path, { kernels, kvType });
  const nVocab = model.info.nVocab;
  return {
    close: () => model.dispose(),
    async *rows(tokens) {
      for await (const { n, logits } of model.logits(tokens, { nCtx })) {
        for (let i = 0; i < n; ++i) yield logits.subarray(i * nVocab, (i + 1) * nVocab);
      }
    },
  };
}

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

function argMax(values) {
  let best = 0;
  for (let i = 1; i < values.length; ++i) if (values[i] > values[best]) best = i;
  return best;
}

function klDivergence(p, q) {
  let sum = 0;
  for (let i = 0; i < p.length; ++i) sum += Math.exp(p[i]) * (p[i] - q[i]);
  return sum;
}

// Walks all sources row by row; sources[0] is the yardstick.
async function compare(sources, tokens) {
  const streams = sources.map((source) => source.rows(tokens));
  const results = sources.map(() => ({ kl: [], sameTop: 0, nll: 0 }));
  for (let i = 0; i < tokens.length; ++i) {
    const rows = [];
    for (const stream of streams) rows.push(logSoftmax((await stream.next()).value));
    const top = argMax(rows[0]);
    rows.forEach((row, k) => {
      results[k].kl.push(klDivergence(rows[0], row));
      results[k].sameTop += argMax(row) === top;
      if (i + 1 < tokens.length) results[k].nll -= row[tokens[i + 1]];
    });
    if ((i + 1) % 256 === 0) console.error(`${i + 1} of ${tokens.length} tokens`);
  }
  return results.map(({ kl, sameTop, nll }) => ({
    mean_kl: mean(kl),
    median_kl: quantile(kl, 0.5),
    p99_kl: quantile(kl, 0.99),
    max_kl: Math.max(...kl),
    same_top: sameTop / tokens.length,
    perplexity: Math.exp(nll / (tokens.length - 1)),
  }));
}

function printTable(names, results) {
  const head = ['', 'mean KL', 'median KL', '99 % KL', 'max KL', 'same top', 'perplexity'];
  const rows = results.map((r, i) => [
    names[i],
    ...[r.mean_kl, r.median_kl, r.p99_kl, r.max_kl].map((x) => x.toExponential(2)),
    `${(100 * r.same_top).toFixed(2)} %`,
    r.perplexity.toFixed(4),
  ]);
  const width = Math.max(...names.map((name) => name.length));
  for (const row of [head, ...rows]) {
    console.log(row.map((s, i) => (i === 0 ? s.padEnd(width) : s.padStart(11))).join(' '));
  }
}

function isWithinBounds(result, exact) {
  return (
    result.mean_kl <= bounds.mean_kl &&
    result.same_top >= bounds.same_top &&
    Math.abs(result.perplexity / exact.perplexity - 1) <= bounds.perplexity_ratio
  );
}

async function main() {
  const { values } = parseArgs({
    options: {
      model: {
        type: 'string',
        default: join(root, 'models', 'cache', 'smollm2-135m-instruct-q4_1.gguf'),
      },
      text: { type: 'string', default: join(root, 'tests', 'golden', 'text.txt') },
      tokens: { type: 'string', default: '4096' },
      yardstick: { type: 'string', default: 'exact' },
      subjects: { type: 'string', default: 'pipit,llama.cpp' },
      kernels: { type: 'string', default: 'simd128' },
      'kv-type': { type: 'string', default: 'auto' },
      python: { type: 'string', default: join(root, '.toolchain', 'venv', 'bin', 'python') },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const nTokens = Number(values.tokens);
  if (!Number.isInteger(nTokens) || nTokens < 2) {
    throw new Error('--tokens must be a whole number from 2.');
  }
  const llama = await openLlama();
  const version = describeLlama(llama).llama_cpp;
  const folder = mkdtempSync(join(tmpdir(), 'pipit-kl-'));
  const kinds = {
    exact: {
      title: `exact (${version}, F32 copy)`,
      open: () => {
        const f32Path = join(folder, 'f32.gguf');
        const script = fileURLToPath(new URL('dequantise.py', import.meta.url));
        execFileSync(values.python, [script, values.model, f32Path]);
        return openLlamaSource(llama, f32Path, nTokens);
      },
    },
    pipit: {
      title: `pipit, ${values.kernels}, KV cache ${values['kv-type']}`,
      open: () => openPipitSource(values.model, values.kernels, values['kv-type'], nTokens),
    },
    'llama.cpp': {
      title: `${version}, the file itself`,
      open: () => openLlamaSource(llama, values.model, nTokens),
    },
    'llama.cpp-f16': {
      title: `${version}, the file itself, F16 KV cache`,
      open: () => openLlamaSource(llama, values.model, nTokens, { kvType: kF16 }),
    },
  };
  const names = [values.yardstick, ...values.subjects.split(',')];
  const unknown = names.find((name) => !(name in kinds));
  if (unknown !== undefined) {
    throw new Error(
      `There is no '${unknown}' to compare. Names: ${Object.keys(kinds).join(', ')}.`,
    );
  }
  const titles = names.map((name) => kinds[name].title);

  const sources = [];
  try {
    const vocabulary = await openModel(llama, values.model, { vocabOnly: true });
    const text = vocabulary.tokenize(readFileSync(values.text, 'utf8'), false);
    const tokens = [...vocabulary.prefix(), ...text].slice(0, nTokens);
    await vocabulary.dispose();
    if (tokens.length < nTokens) throw new Error(`The text has only ${tokens.length} tokens.`);

    for (const name of names) sources.push(await kinds[name].open());
    const results = await compare(sources, tokens);
    if (values.json) {
      const records = results.map((result, i) => ({ name: titles[i], ...result }));
      console.log(
        JSON.stringify({ model: values.model, tokens: nTokens, bounds, results: records }),
      );
    } else {
      printTable(titles, results);
    }
    const pipit = names.indexOf('pipit', 1);
    if (pipit > 0 && !isWithinBounds(results[pipit], results[0])) process.exitCode = 1;
  } finally {
    for (const source of sources) await source.close();
    rmSync(folder, { recursive: true });
  }
  await llama.dispose();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
