// Writes the golden data in tests/golden from llama.cpp (node-llama-cpp's prebuilt CPU addon, see
// benchmarks/peers). Run by hand when inputs change; `npm test` only reads what is committed.
// Token ids come from the model file itself, probabilities from an F32 copy of it: llama.cpp rounds
// activations to 8 bits for quantised weights, which moves it further from what the file means
// (mean KL divergence 2.5e-3) than a good implementation is; on the copy it is exact to 1e-8.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { describeLlama, logSoftmax, openLlama, openModel } from '../benchmarks/peers/llama.mjs';
import {
  embeddingTexts,
  greedyPrompts,
  preTokenizerGroups,
  tokenizerInputs,
} from '../tests/golden/inputs.mjs';
import {
  decodeInput,
  hashOfIds,
  manyStrings,
  randomSource,
  randomStrings,
} from '../tests/golden/strings.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const golden = join(root, 'tests', 'golden');

const kGreedyTokens = 48;
const kLogprobContext = 2048;
const kLogprobPositions = 200;
const kTop = 20;
const kPerplexityContexts = [2048, 4096];
const kTinyTokens = 64;
const kTinyRows = [0, 9, 33, 63];
const kManyStrings = 2000;
const kManySeed = 3;
const preTokenizers = ['gpt-2', 'llama-bpe', 'qwen2'];

const usage = `Usage: node tools/make-goldens.mjs [options]

Writes tests/golden/*.json from llama.cpp. First: npm install --no-save --prefix benchmarks/peers

  --only LIST     comma-separated parts: tokens, pre, hashes, greedy, gemma, logprobs,
                  perplexity, tiny, architectures, embeddings, written (default: all of them);
                  "written" runs dist/: npm run build
  --model PATH    SmolLM2-135M-Instruct Q4_1 (default: models/cache/…)
  --gemma PATH    Gemma 3 270M Q4_K_M (default: models/cache/…)
  --python PATH   Python with numpy and gguf, for the tiny models (default: .toolchain/venv/…)
  --help          this text
`;

// ---------------------------------------------------------------------------------------------
// Files: one record a line, and everything invisible escaped, so that diffs can be read.

function toJson(value) {
  const invisible = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{M}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
  return JSON.stringify(value).replace(invisible, (c) =>
    [...Array(c.length).keys()]
      .map((i) => '\\u' + c.charCodeAt(i).toString(16).padStart(4, '0'))
      .join(''),
  );
}

function writeRecords(name, head, records) {
  const lines = Object.entries(head).map(([key, value]) => `"${key}": ${toJson(value)},`);
  const text = `{\n${lines.join('\n')}\n"cases": [\n${records.map(toJson).join(',\n')}\n]\n}\n`;
  writeFileSync(join(golden, name), text);
  console.log(`${name}: ${records.length} records, ${Math.ceil(text.length / 1024)} KB`);
}

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');
const round = (x, digits) => Number(x.toFixed(digits));

// ---------------------------------------------------------------------------------------------
// Token ids

// `special_ids` (special tokens parsed) appears only where it differs from `ids`.
function tokenRecords(model, groups) {
  const records = [];
  for (const [group, inputs] of groups) {
    inputs.forEach((input, i) => {
      const text = decodeInput(input);
      const ids = model.tokenize(text, false);
      const specialIds = model.tokenize(text, true);
      const record = { name: `${group}-${i}`, ...(typeof input === 'string' ? { text } : input) };
      record.ids = ids;
      if (ids.join() !== specialIds.join()) record.special_ids = specialIds;
      records.push(record);
    });
  }
  return records;
}

const aboutTokens = {
  ids: 'common_tokenize(text, add_special = false, parse_special = false)',
  special_ids: 'the same with parse_special = true, where that differs',
  text: 'or hex: bytes to be decoded as by WHATWG first; or utf16: code units, lone ones are U+FFFD',
};

async function makeTokens({ llama, modelPath }) {
  const model = await openModel(llama, modelPath, { vocabOnly: true });
  const groups = [...Object.entries(tokenizerInputs), ['random', randomStrings(80, 1)]];
  const records = tokenRecords(model, groups);
  await model.dispose();
  const about = { ...describeLlama(llama), model: basename(modelPath), ...aboutTokens };
  writeRecords('tokens.json', { about }, records);
}

async function makePreTokenizers({ llama, modelPath, python }) {
  await withTinyModels(python, ['--vocab-from', modelPath], async (folder) => {
    for (const pre of preTokenizers) {
      const file = `vocab-${pre}.gguf`;
      const model = await openModel(llama, join(folder, file), { vocabOnly: true });
      const groups = preTokenizerGroups.map((name) => [name, tokenizerInputs[name]]);
      groups.push(['random', randomStrings(24, 2)]);
      const records = tokenRecords(model, groups);
      await model.dispose();
      const about = { ...describeLlama(llama), model: file, 'tokenizer.ggml.pre': pre };
      writeRecords(`tokens-${pre}.json`, { about: { ...about, ...aboutTokens } }, records);
    }
  });
}

// Hashes of the ids of many strings: both real vocabularies, one of pairs with every rule, and WordPiece.
async function makeHashes({ llama, modelPath, gemmaPath, python }) {
  await withTinyModels(python, ['--vocab-from', modelPath], async (folder) => {
    const models = JSON.parse(readFileSync(join(folder, 'models.json'), 'utf8'));
    const vocabularies = models.filter(({ name }) => /^(pairs|words)-/.test(name));
    const files = [
      { model: basename(modelPath), path: modelPath, count: kManyStrings },
      { model: basename(gemmaPath), path: gemmaPath, count: kManyStrings },
      ...vocabularies.map(({ name, file }) => ({
        model: file,
        path: join(folder, file),
        count: name.startsWith('words-') ? kManyStrings : 300,
      })),
    ];
    const records = [];
    for (const { model: name, path, count } of files) {
      const model = await openModel(llama, path, { vocabOnly: true });
      const hashes = manyStrings(count, kManySeed).map((text) =>
        hashOfIds(model.tokenize(text, false), model.tokenize(text, true)),
      );
      await model.dispose();
      records.push({ model: name, count, hashes: hashes.join('') });
    }
    const about = { ...describeLlama(llama), hashes: 'of manyStrings(count, seed) in strings.mjs' };
    writeRecords('tokens-hashes.json', { about, seed: kManySeed }, records);
  });
}

// ---------------------------------------------------------------------------------------------
// Exact weights

function dequantise(python, source, target) {
  execFileSync(python, [join(root, 'benchmarks', 'peers', 'dequantise.py'), source, target]);
}

const aboutExact = {
  weights: 'an F32 copy of the model, made by benchmarks/peers/dequantise.py',
  kv_cache: 'F32, no flash attention',
};

// ---------------------------------------------------------------------------------------------
// Greedy continuations

// The ChatML of SmolLM2's own template, with its default system message.
function chatMl(messages) {
  const system = {
    role: 'system',
    content: 'You are a helpful AI assistant named SmolLM, trained by Hugging Face',
  };
  const all = messages[0].role === 'system' ? messages : [system, ...messages];
  const turns = all.map((m) => `<|im_start|>${m.role}\n${m.content}<|im_end|>\n`);
  return turns.join('') + '<|im_start|>assistant\n';
}

// Indexes of the two largest values.
function topTwo(values) {
  let first = 0;
  let second = -1;
  for (let i = 1; i < values.length; ++i) {
    if (values[i] > values[first]) [first, second] = [i, first];
    else if (second < 0 || values[i] > values[second]) second = i;
  }
  return [first, second];
}

async function greedy(model, promptIds) {
  const context = await model.context({ nCtx: 512 });
  const ids = [];
  const gaps = [];
  let next = promptIds;
  while (ids.length < kGreedyTokens) {
    await context.feed(
      next,
      (i) => i === next.length - 1,
      (_, logits) => {
        const [first, second] = topTwo(logits);
        ids.push(first);
        gaps.push(round(logits[first] - logits[second], 3));
      },
    );
    const last = ids[ids.length - 1];
    if (model.isEog(last)) break;
    next = [last];
  }
  await context.dispose();
  return { ids, gaps };
}

const makeGreedy = ({ llama, modelPath, f32Path }) =>
  writeGreedy('greedy.json', greedyPrompts, { llama, modelPath, f32Path });

// The prompts without messages: chatMl() is SmolLM2's.
async function makeGemma({ llama, gemmaPath, python, folder }) {
  const f32Path = join(folder, 'gemma-f32.gguf');
  dequantise(python, gemmaPath, f32Path);
  const prompts = greedyPrompts.filter(({ messages }) => !messages);
  await writeGreedy('greedy-gemma.json', prompts, { llama, modelPath: gemmaPath, f32Path });
}

async function writeGreedy(goldenName, prompts, { llama, modelPath, f32Path }) {
  const model = await openModel(llama, f32Path);
  const records = [];
  for (const { name, text, messages } of prompts) {
    const prompt = messages ? chatMl(messages) : text;
    const promptIds = [...model.prefix(), ...model.tokenize(prompt, true)];
    const { ids, gaps } = await greedy(model, promptIds);
    const input = messages ? { messages, prompt } : { prompt };
    records.push({ name, ...input, prompt_ids: promptIds, ids, gaps, text: model.detokenize(ids) });
    console.log(`greedy ${records.length}/${prompts.length}: ${name}`);
  }
  await model.dispose();
  const about = {
    ...describeLlama(llama),
    model: basename(modelPath),
    ...aboutExact,
    ids: `at most ${kGreedyTokens}; the last is an end-of-generation token if there are fewer`,
    gaps: 'log-probability of the chosen token minus that of the second best',
  };
  writeRecords(goldenName, { about }, records);
}

// ---------------------------------------------------------------------------------------------
// Teacher-forced log-probabilities

function textTokens(model, count) {
  const ids = model.tokenize(readFileSync(join(golden, 'text.txt'), 'utf8'), false);
  if (ids.length < count) throw new Error(`text.txt has ${ids.length} tokens of ${count}.`);
  return ids.slice(0, count);
}

async function makeLogprobs({ llama, modelPath, f32Path }) {
  const model = await openModel(llama, f32Path);
  const tokens = textTokens(model, kLogprobContext);
  const step = (kLogprobContext - 1) / kLogprobPositions;
  const positions = Array.from(
    { length: kLogprobPositions },
    (_, i) => Math.floor((i + 1) * step) - 1,
  );
  const wanted = new Set(positions);
  const run = async (which, visit) => {
    const context = await which.context({ nCtx: kLogprobContext });
    await context.feed(
      tokens,
      (i) => wanted.has(i),
      (i, logits) => visit(i, logSoftmax(logits)),
    );
    await context.dispose();
    await which.dispose();
  };

  const exact = new Map();
  await run(model, (i, logprobs) => exact.set(i, logprobs));
  console.log('logprobs: F32 copy done');
  const rounded = { mean_kl: 0, max_kl: 0, max_top_difference: 0, same_top: 0 };
  await run(await openModel(llama, modelPath), (i, other) => {
    const one = exact.get(i);
    const kl = one.reduce((sum, x, k) => sum + Math.exp(x) * (x - other[k]), 0);
    const top = topTwo(one)[0];
    const difference = Math.abs(one[top] - other[top]);
    rounded.mean_kl += kl / kLogprobPositions;
    rounded.max_kl = Math.max(rounded.max_kl, kl);
    rounded.max_top_difference = Math.max(rounded.max_top_difference, difference);
    rounded.same_top += (topTwo(other)[0] === top) / kLogprobPositions;
  });
  for (const key of Object.keys(rounded)) rounded[key] = round(rounded[key], 6);

  const records = positions.map((position) => {
    const row = exact.get(position);
    const ids = [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, kTop);
    const next = tokens[position + 1];
    return {
      position,
      next,
      next_logprob: round(row[next], 5),
      ids,
      logprobs: ids.map((id) => round(row[id], 5)),
    };
  });
  const about = {
    ...describeLlama(llama),
    model: basename(modelPath),
    text: 'text.txt, tokenised without special tokens and without BOS',
    ...aboutExact,
    logprobs: 'natural logarithms over the whole vocabulary, given tokens[0 .. position]',
    rounded: 'how far llama.cpp on the model file itself (8-bit activations) is from these numbers',
  };
  writeRecords('logprobs.json', { about, rounded, tokens }, records);
}

async function makePerplexity({ llama, modelPath, f32Path }) {
  const records = [];
  const measure = async (path, weights) => {
    const model = await openModel(llama, path);
    const nTokens = Math.max(...kPerplexityContexts);
    const tokens = textTokens(model, nTokens);
    const context = await model.context({ nCtx: nTokens });
    let nll = 0;
    await context.feed(
      tokens,
      (i) => i + 1 < nTokens,
      (i, logits) => {
        nll -= logSoftmax(logits)[tokens[i + 1]];
        if ((i + 1) % 512 === 0) console.log(`perplexity: ${i + 1} of ${nTokens} tokens`);
        // A shorter context is the beginning of the longest one.
        const nCtx = i + 2;
        if (!kPerplexityContexts.includes(nCtx)) return;
        const mean = nll / (nCtx - 1);
        const perplexity = round(Math.exp(mean), 5);
        records.push({ weights, n_ctx: nCtx, mean_nll: round(mean, 6), perplexity });
      },
    );
    await context.dispose();
    await model.dispose();
  };
  await measure(f32Path, 'F32 copy');
  await measure(modelPath, 'as in the file, with 8-bit activations');
  const about = {
    ...describeLlama(llama),
    model: basename(modelPath),
    text: 'text.txt, tokenised without special tokens and without BOS',
    kv_cache: aboutExact.kv_cache,
    mean_nll: '-sum of log p(token[i] | token[0 .. i-1]) for 1 <= i < n_ctx, / (n_ctx - 1)',
    perplexity: 'exp(mean_nll)',
  };
  writeRecords('perplexity.json', { about }, records);
}

// ---------------------------------------------------------------------------------------------
// Tiny models

async function withTinyModels(python, args, use, generator = 'make-tiny-models.py') {
  const folder = mkdtempSync(join(tmpdir(), 'pipit-tiny-'));
  try {
    execFileSync(python, [join(root, 'tools', generator), '--out', folder, ...args], {
      stdio: 'inherit',
    });
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const toBase64 = (floats) =>
  Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength).toString('base64');

async function tinyLogits(llama, path, tokens) {
  const model = await openModel(llama, path);
  const context = await model.context({ nCtx: 256, batch: kTinyTokens, threads: 1 });
  const rows = [];
  await context.feed(
    tokens,
    (i) => kTinyRows.includes(i),
    (_, logits) => rows.push(...logits),
  );
  await context.dispose();
  await model.dispose();
  return Float32Array.from(rows);
}

async function tinyRecords({ llama, python }, generator) {
  const records = [];
  const addRecords = async (folder) => {
    const models = JSON.parse(readFileSync(join(folder, 'models.json'), 'utf8'));
    for (const { name, file, n_vocab: nVocab } of models) {
      const path = join(folder, file);
      const f32Path = join(folder, 'f32.gguf');
      dequantise(python, path, f32Path);
      const next = randomSource(nVocab);
      const tokens = Array.from({ length: kTinyTokens }, () => next(nVocab));
      const logits = await tinyLogits(llama, f32Path, tokens);
      const rounded = await tinyLogits(llama, path, tokens);
      const error = rounded.reduce((max, x, i) => Math.max(max, Math.abs(x - logits[i])), 0);
      records.push({
        name,
        file,
        sha256: sha256(path),
        n_vocab: nVocab,
        rounded_error: Number(error.toPrecision(2)),
        tokens,
        logits: toBase64(logits),
      });
      console.log(`tiny ${records.length}/${models.length}: ${name}`);
    }
  };
  await withTinyModels(python, [], addRecords, generator);
  const about = {
    ...describeLlama(llama),
    models: `made by tools/${generator}; a changed sha256 means that the generator drifted`,
    ...aboutExact,
    logits: 'base64 of little-endian float32 [rows.length, n_vocab], given tokens[0 .. row]',
    rounded_error:
      'largest difference of llama.cpp on the model itself, which rounds activations to the ' +
      "weights' precision (F16, BF16, 8 bits)",
  };
  return [{ about, rows: kTinyRows }, records];
}

async function makeTiny(tools) {
  writeRecords('tiny.json', ...(await tinyRecords(tools, 'make-tiny-models.py')));
}

async function makeArchitectures(tools) {
  const records = await tinyRecords(tools, 'make-tiny-architectures.py');
  writeRecords('architectures.json', ...records);
}

// Vectors of texts, by tiny models that make embeddings.
async function makeEmbeddings({ llama, python }) {
  const records = [];
  const addRecords = async (folder) => {
    const models = JSON.parse(readFileSync(join(folder, 'models.json'), 'utf8'));
    for (const { name, file, prefix, suffix } of models) {
      const f32Path = join(folder, 'f32.gguf');
      dequantise(python, join(folder, file), f32Path);
      const model = await openModel(llama, f32Path);
      const texts = [];
      for (const text of embeddingTexts) {
        const ids = [...prefix, ...model.tokenize(text, false), ...suffix];
        const vector = Float32Array.from(await model.embed(ids));
        texts.push({ n_tokens: ids.length, vector: toBase64(vector) });
      }
      await model.dispose();
      records.push({ name, file, sha256: sha256(join(folder, file)), texts });
      console.log(`embeddings ${records.length}/${models.length}: ${name}`);
    }
  };
  await withTinyModels(python, [], addRecords, 'make-tiny-encoders.py');
  const about = {
    ...describeLlama(llama),
    models: 'made by tools/make-tiny-encoders.py; computed from F32 copies of them',
    texts: 'of embeddingTexts in inputs.mjs, in order',
    vector: 'base64 of little-endian float32 [n_embd], pooled as the file says, of length 1',
  };
  writeRecords('embeddings.json', { about }, records);
}

// What pipit writes
//
// llama.cpp loads the files, and the tests know by their hashes that pipit still writes these.
const kWrittenTypes = ['Q4_0', 'Q4_1', 'Q8_0', 'Q4_K', 'Q6_K', 'F16', 'BF16', 'F32'];

async function makeWritten({ llama, python }) {
  const records = [];
  const add = async (name, args, inputPath, outPath) => {
    execFileSync(process.execPath, [join(root, 'dist', 'node', 'cli.js'), ...args, outPath]);
    const [before, after] = [await compute(llama, inputPath), await compute(llama, outPath)];
    const error = after.reduce((max, x, i) => Math.max(max, Math.abs(x - before[i])), 0);
    records.push({ name, sha256: sha256(outPath), error: Number(error.toPrecision(2)) });
    console.log(`written: ${name}, error ${error}`);
  };
  const convertAll = async (folder) => {
    const names = readdirSync(folder).filter((name) => !name.endsWith('.gguf'));
    for (const name of names) {
      const path = join(folder, name);
      await add(`convert ${name}`, ['convert', path], `${path}.gguf`, join(folder, 'out.gguf'));
      rmSync(join(folder, 'out.gguf'));
    }
  };
  const quantiseAll = async (folder) => {
    const input = join(folder, 'rows-256.gguf');
    for (const type of kWrittenTypes) {
      const args = ['quantize', '--type', type, input];
      await add(`quantize ${type}`, args, input, join(folder, `${type}.gguf`));
    }
  };
  await withTinyModels(python, [], convertAll, 'make-tiny-folders.py');
  await withTinyModels(python, [], quantiseAll);
  const about = {
    ...describeLlama(llama),
    cases: 'files that pipit wrote and llama.cpp loaded',
    error:
      "largest difference of llama.cpp's logits, or vector, from those of the file it was made from",
  };
  writeRecords('written.json', { about }, records);
}

// What a model makes of some tokens: logits, or a vector.
async function compute(llama, path) {
  const tokens = Array.from({ length: kTinyTokens }, (_, i) => (i * 37) % 97);
  const model = await openModel(llama, path);
  const vector = model.isEncoder() ? await model.embed(tokens) : undefined;
  await model.dispose();
  return vector ?? (await tinyLogits(llama, path, tokens));
}

// ---------------------------------------------------------------------------------------------

const parts = {
  tokens: makeTokens,
  pre: makePreTokenizers,
  hashes: makeHashes,
  greedy: makeGreedy,
  gemma: makeGemma,
  logprobs: makeLogprobs,
  perplexity: makePerplexity,
  tiny: makeTiny,
  architectures: makeArchitectures,
  embeddings: makeEmbeddings,
  written: makeWritten,
};

const needF32 = ['greedy', 'logprobs', 'perplexity'];

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: Object.keys(parts).join() },
      model: {
        type: 'string',
        default: join(root, 'models', 'cache', 'smollm2-135m-instruct-q4_1.gguf'),
      },
      gemma: {
        type: 'string',
        default: join(root, 'models', 'cache', 'gemma-3-270m-q4_k_m.gguf'),
      },
      python: { type: 'string', default: join(root, '.toolchain', 'venv', 'bin', 'python') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const chosen = values.only.split(',');
  const unknown = chosen.find((name) => !(name in parts));
  if (unknown !== undefined) {
    throw new Error(`--only: '${unknown}' is not one of ${Object.keys(parts).join(', ')}.`);
  }
  const llama = await openLlama();
  const { model: modelPath, gemma: gemmaPath, python } = values;
  const folder = mkdtempSync(join(tmpdir(), 'pipit-goldens-'));
  try {
    const f32Path = join(folder, 'f32.gguf');
    if (chosen.some((name) => needF32.includes(name))) dequantise(python, modelPath, f32Path);
    for (const name of chosen) {
      await parts[name]({ llama, modelPath, gemmaPath, f32Path, python, folder });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  await llama.dispose();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
