// Speed of pipit (Wasm in Node), wllama (Wasm in Chromium) and llama.cpp (native), one thread each,
// same model, same prompt, in interleaved rounds: what disturbs the machine disturbs all of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { openWllama } from './browser.mjs';
import { describeLlama, openLlama, openModel } from './llama.mjs';
import { summary } from './stats.mjs';

const kF16 = 1; // llama.cpp's default type of the KV cache
const root = fileURLToPath(new URL('../..', import.meta.url));

const usage = `Usage: node benchmarks/peers/run.mjs [options]

  --model PATH         GGUF file (default: SmolLM2-135M-Instruct Q4_1 in models/cache)
  --engines LIST       of pipit, wllama, llama.cpp (default: all)
  --kernels NAME       pipit's kernel set (default: simd128)
  --prompt-tokens N    (default: 256)
  --gen-tokens N       (default: 64)
  --rounds N           at least 5 for a result worth quoting (default: 5)
  --chromium PATH      (default: /usr/bin/chromium)
  --json               print JSON in place of a table
  --help               this text
`;

// Each engine: open(setup) → { version, loadMs, run, close }; run() → tokens per second of a prompt
// of nPrompt tokens, and of the generated tokens after the first.
const engines = {
  pipit: async ({ modelPath, kernels, ids, nGen, nCtx }) => {
    const { loadModel } = await import(join(root, 'dist', 'node', 'index.js'));
    const model = await loadModel(modelPath, { kernels, threads: 1 });
    const options = { temperature: 0, maxTokens: nGen, ignoreEos: true, nCtx };
    return {
      version: `kernels ${model.info.kernels}`,
      loadMs: (await model.stats()).loadMs,
      close: () => model.dispose(),
      run: async () => {
        const result = await model.generate(ids, options).result;
        checkCounts('pipit', result.promptTokens, ids.length, result.tokens.length, nGen);
        return { prefill: result.prefillTokensPerSecond, decode: result.decodeTokensPerSecond };
      },
    };
  },

  wllama: async ({ modelPath, chromium, text, ids, nGen, nCtx }) => {
    const wllama = await openWllama({ modelPath, nCtx, chromium });
    return {
      ...wllama,
      run: async () => {
        const t = await wllama.run(text, nGen);
        checkCounts('wllama', t.prompt_n, ids.length, t.predicted_n, nGen);
        // Its clock of the generation starts when the first token has been drawn.
        return { prefill: t.prompt_per_second, decode: (1000 * (nGen - 1)) / t.predicted_ms };
      },
    };
  },

  'llama.cpp': async ({ llama, modelPath, ids, nGen, nCtx }) => {
    const start = performance.now();
    const model = await openModel(llama, modelPath);
    const loadMs = performance.now() - start;
    return {
      version: describeLlama(llama).llama_cpp,
      loadMs,
      close: () => model.dispose(),
      run: async () => {
        const context = await model.context({
          nCtx,
          batch: ids.length,
          threads: 1,
          flashAttention: true,
          kvType: kF16,
        });
        const timed = async (tokens) => {
          const begin = performance.now();
          const next = await context.sample(tokens);
          return { next, ms: performance.now() - begin };
        };
        const prompt = await timed(ids);
        let { next } = prompt;
        let decodeMs = 0;
        for (let n = 1; n < nGen; ++n) {
          const step = await timed([next]);
          next = step.next;
          decodeMs += step.ms;
        }
        await context.dispose();
        return { prefill: (1000 * ids.length) / prompt.ms, decode: (1000 * (nGen - 1)) / decodeMs };
      },
    };
  },
};

function checkCounts(name, nPrompt, wantedPrompt, nGen, wantedGen) {
  if (nPrompt === wantedPrompt && nGen === wantedGen) return;
  throw new Error(
    `${name} read ${nPrompt} and made ${nGen} tokens, expected ${wantedPrompt} and ${wantedGen}.`,
  );
}

async function readPrompt(llama, modelPath, count) {
  const model = await openModel(llama, modelPath, { vocabOnly: true });
  const book = readFileSync(join(root, 'tests', 'golden', 'text.txt'), 'utf8');
  const ids = model.tokenize(book, false).slice(0, count);
  const text = model.detokenize(ids);
  const same = model.tokenize(text, true).join() === ids.join();
  await model.dispose();
  if (ids.length < count) throw new Error(`text.txt has only ${ids.length} tokens.`);
  if (!same) throw new Error('The prompt does not survive detokenising; try another length.');
  return { ids, text };
}

// How many times as fast the first engine is as each other one, round by round.
function compareRounds([first, ...others]) {
  const ratio = (other, key) => summary(first.runs.map((run, i) => run[key] / other.runs[i][key]));
  return others.map((other) => ({
    engines: `${first.name} / ${other.name}`,
    prefill: ratio(other, 'prefill'),
    decode: ratio(other, 'decode'),
  }));
}

function printTable(results, ratios) {
  const cell = (s) => `${s.median.toFixed(1)} (${s.min.toFixed(1)}-${s.max.toFixed(1)})`;
  const rows = [['engine', 'prefill tokens/s', 'decode tokens/s', 'load ms', 'version']];
  for (const r of results) {
    rows.push([r.engine, cell(r.prefill), cell(r.decode), r.load_ms.toFixed(0), r.version]);
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows)
    console.log(
      row
        .map((s, i) => s.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
  for (const r of ratios) {
    console.log(`${r.engines}: prefill ${cell(r.prefill)}, decode ${cell(r.decode)} times as fast`);
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      model: {
        type: 'string',
        default: join(root, 'models', 'cache', 'smollm2-135m-instruct-q4_1.gguf'),
      },
      engines: { type: 'string', default: Object.keys(engines).join() },
      kernels: { type: 'string', default: 'simd128' },
      'prompt-tokens': { type: 'string', default: '256' },
      'gen-tokens': { type: 'string', default: '64' },
      rounds: { type: 'string', default: '5' },
      chromium: { type: 'string', default: '/usr/bin/chromium' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const names = values.engines.split(',');
  const unknown = names.find((name) => !(name in engines));
  if (unknown !== undefined) {
    throw new Error(`--engines: '${unknown}' is not one of ${Object.keys(engines).join(', ')}.`);
  }
  const [nPrompt, nGen, rounds] = ['prompt-tokens', 'gen-tokens', 'rounds'].map((key) => {
    const n = Number(values[key]);
    if (!Number.isInteger(n) || n < 2) throw new Error(`--${key} must be a whole number from 2.`);
    return n;
  });

  const llama = await openLlama();
  const { model: modelPath, chromium, kernels } = values;
  const prompt = await readPrompt(llama, modelPath, nPrompt);
  const setup = { llama, modelPath, chromium, kernels, nGen, nCtx: nPrompt + nGen, ...prompt };
  const open = [];
  try {
    for (const name of names) open.push({ name, runs: [], ...(await engines[name](setup)) });
    for (let round = -1; round < rounds; ++round) {
      for (const engine of open) {
        const speed = await engine.run();
        if (round < 0) continue; // warms up caches and compilers
        engine.runs.push(speed);
        const { prefill, decode } = speed;
        console.error(
          `round ${round + 1}/${rounds} ${engine.name}: ` +
            `prefill ${prefill.toFixed(1)}, decode ${decode.toFixed(1)} tokens/s`,
        );
      }
    }
  } finally {
    for (const engine of open) await engine.close();
  }
  const results = open.map(({ name, version, loadMs, runs }) => ({
    engine: name,
    version,
    load_ms: loadMs,
    prefill: summary(runs.map((r) => r.prefill)),
    decode: summary(runs.map((r) => r.decode)),
  }));
  const ratios = compareRounds(open);
  if (values.json) {
    const workload = { model: modelPath, prompt_tokens: nPrompt, gen_tokens: nGen, rounds };
    console.log(JSON.stringify({ ...workload, threads: 1, results, ratios }, null, 1));
  } else {
    printTable(results, ratios);
  }
  await llama.dispose();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
