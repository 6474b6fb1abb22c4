// npm run bench:peers: pipit (Wasm in Node and in browsers), wllama (llama.cpp in Wasm, in Chromium) and llama.cpp (native);
// same file, same prompt, same number of tokens, same threads, in interleaved rounds: what disturbs the machine disturbs all.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { formatTable } from '../../dist/node/format.js';
import { ratio, spread } from '../../dist/stats.js';
import { modelPath } from '../../tools/fetch-model.mjs';
import { HOSTS, openHost } from '../lib/hosts.mjs';
import { COMMON, parse, runProgram } from '../lib/program.mjs';
import { cell } from '../lib/table.mjs';
import { openLlama, openModel } from './llama.mjs';
import { openNative } from './native.mjs';
import { openWllama } from './wllama.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const calibrationRuns = 2;

// Each engine: open(setup) → { version, settings, loadMs, run, close }; run() → tokens per second of the prompt and of the
// generated tokens after the first. llama.cpp and wllama get the best of their `candidates`, which is found before the rounds.
const engines = {
  ...Object.fromEntries(HOSTS.map((host) => [`pipit-${host}`, (setup) => openPipit(host, setup)])),
  wllama: (setup) => best(setup, wllamaCandidates, openWllamaEngine),
  'llama.cpp': (setup) => best(setup, llamaCandidates(setup), openLlamaEngine(true)),
  'llama.cpp-no-amx': (setup) => best(setup, llamaCandidates(setup), openLlamaEngine(false)),
};

async function openPipit(hostName, setup) {
  const { file, kernels, threads, chromium, firefox, ids, nGen } = setup;
  const host = await openHost(hostName, { chromium, firefox });
  try {
    const model = await host.load(file, { kernels, threads });
    const stats = await model.stats();
    return {
      version: host.version,
      settings: { kernels: stats.kernels, kv_type: stats.kvType },
      loadMs: model.loadMs,
      run: async () => {
        const speed = await model.speed(ids, nGen);
        return { prefill: speed.prefillTokensPerSecond, decode: speed.decodeTokensPerSecond };
      },
      close: () => host.close(),
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

const wllamaCandidates = [{ flash_attn: true }, { flash_attn: false }];

async function openWllamaEngine({ file, chromium, threads, text, ids, nGen, nCtx }, settings) {
  const wllama = await openWllama({ modelPath: file, nCtx, threads, settings, chromium });
  return {
    ...wllama,
    settings,
    run: async () => {
      const t = await wllama.run(text, nGen);
      if (t.prompt_n !== ids.length || t.predicted_n !== nGen) {
        const read = `wllama read ${t.prompt_n} and made ${t.predicted_n} tokens`;
        throw new Error(`${read}, expected ${ids.length} and ${nGen}.`);
      }
      // Its clock of the generation starts when the first token has been drawn.
      return { prefill: t.prompt_per_second, decode: (1000 * (nGen - 1)) / t.predicted_ms };
    },
  };
}

// The whole prompt at once, or in smaller batches, which stay in the caches.
function llamaCandidates({ ids }) {
  const batches = [64, 128, 512].filter((batch) => batch < ids.length);
  return [true, false].flatMap((flashAttention) =>
    [...batches, ids.length].map((batch) => ({ flashAttention, batch })),
  );
}

const openLlamaEngine = (amx) => async (setup, settings) => {
  const { file, threads, ids, nGen, nCtx } = setup;
  const engine = await openNative({ file, threads, ids, nGen, nCtx, amx, settings });
  return { ...engine, settings };
};

// The engine with the settings that take the least time for the whole workload.
async function best(setup, candidates, open) {
  const calibration = [];
  for (const settings of candidates) {
    const engine = await open(setup, settings);
    try {
      for (let i = 0; i < calibrationRuns; ++i) {
        const speed = await engine.run();
        const seconds = setup.ids.length / speed.prefill + (setup.nGen - 1) / speed.decode;
        calibration.push({ settings, ...speed, seconds });
      }
    } finally {
      await engine.close();
    }
    setup.progress.note(`calibrating: ${JSON.stringify(calibration.at(-1))}`);
  }
  const { settings } = calibration.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  return { ...(await open(setup, settings)), calibration };
}

// The same tokens for every engine: `ids`, BOS included where the model has one in front of a text, and the `text` to which
// wllama adds that itself.
async function readPrompt(file, count) {
  const llama = await openLlama();
  const model = await openModel(llama, file, { vocabOnly: true });
  const book = readFileSync(path.join(root, 'tests', 'golden', 'text.txt'), 'utf8');
  const prefix = model.prefix();
  const textIds = model.tokenize(book, false).slice(0, count - prefix.length);
  const ids = [...prefix, ...textIds];
  const text = model.detokenize(textIds);
  const same = model.tokenize(text, true).join() === textIds.join();
  await model.dispose();
  await llama.dispose();
  if (ids.length < count) throw new Error(`text.txt has only ${ids.length} tokens.`);
  if (!same) throw new Error('The prompt does not survive detokenising; try another length.');
  return { ids, text };
}

const options = [
  COMMON.model,
  {
    name: 'engines',
    value: 'LIST',
    default: 'pipit-chromium,pipit-node,wllama,llama.cpp,llama.cpp-no-amx',
    parse: parse.list(parse.name(Object.keys(engines))),
    help: `of ${Object.keys(engines).join(', ')}`,
  },
  {
    name: 'kernels',
    value: 'NAME',
    default: 'auto',
    parse: parse.text,
    help: "pipit's kernel set",
  },
  {
    name: 'threads',
    value: 'N',
    default: '1',
    parse: parse.count(1),
    help: 'threads of every engine',
  },
  {
    name: 'prompt-tokens',
    value: 'N',
    default: '256',
    parse: parse.count(2),
    help: 'tokens of the prompt, from tests/golden/text.txt',
  },
  {
    name: 'gen-tokens',
    value: 'N',
    default: '64',
    parse: parse.count(2),
    help: 'tokens to generate',
  },
  COMMON.rounds,
  COMMON.chromium,
  COMMON.firefox,
];

async function measure(values, progress) {
  const { model, engines: names, kernels, threads, promptTokens, genTokens, rounds } = values;
  const { chromium, firefox } = values;
  const file = modelPath(model);
  const prompt = await readPrompt(file, promptTokens);
  const open = [];
  try {
    const nCtx = promptTokens + genTokens;
    const workload = { ...prompt, file, kernels, threads, nGen: genTokens, nCtx };
    const setup = { ...workload, chromium, firefox, progress };
    for (const name of names) {
      progress.note(`opening ${name}`);
      open.push({ name, runs: [], ...(await engines[name](setup)) });
    }
    progress.remain((rounds + 1) * open.length);
    for (let round = 0; round <= rounds; ++round) {
      for (const engine of open) {
        const speed = await engine.run();
        const text = `prefill ${speed.prefill.toFixed(1)}, decode ${speed.decode.toFixed(1)} tokens/s`;
        // The first one warms up caches and compilers.
        progress.step(
          `${round === 0 ? 'warming up' : `round ${round}/${rounds}`}, ${engine.name}: ${text}`,
        );
        if (round > 0) engine.runs.push(speed);
      }
    }
  } finally {
    for (const engine of open) await engine.close();
  }
  const results = open.map(({ name, version, settings, loadMs, runs, calibration }) => ({
    engine: name,
    version,
    settings,
    load_ms: loadMs,
    prefill: spread(runs.map((run) => run.prefill)),
    decode: spread(runs.map((run) => run.decode)),
    ...(calibration ? { calibration } : {}),
  }));
  return {
    settings: {
      model: path.basename(model),
      file_bytes: statSync(file).size,
      ...{ threads, prompt_tokens: promptTokens, gen_tokens: genTokens, rounds },
    },
    results,
    ratios: compare(results),
  };
}

const isPipit = ({ engine }) => engine.startsWith('pipit');

// How many times as fast each pipit is as each peer, round by round.
function compare(results) {
  const peers = results.filter((result) => !isPipit(result));
  return results.filter(isPipit).flatMap((pipit) =>
    peers.map((peer) => ({
      engine: pipit.engine,
      peer: peer.engine,
      prefill: ratio(pipit.prefill, peer.prefill),
      decode: ratio(pipit.decode, peer.decode),
    })),
  );
}

function table({ settings, results, ratios }) {
  const peers = results.filter((result) => !isPipit(result)).map(({ engine }) => engine);
  const columns = peers.flatMap((peer) => [`>prefill / ${peer}`, `>decode / ${peer}`]);
  const rows = results.map(({ engine, prefill, decode, load_ms }) => [
    ...[engine, cell(prefill), cell(decode), load_ms.toFixed(0)],
    ...peers.flatMap((peer) => {
      const found = ratios.find((r) => r.engine === engine && r.peer === peer);
      return found ? [cell(found.prefill, 2), cell(found.decode, 2)] : ['', ''];
    }),
  ]);
  const head = ['engine', '>prefill tokens/s', '>decode tokens/s', '>load ms', ...columns];
  const about = results.map(({ engine, version, settings }) => {
    const known = Object.entries(settings).filter(([, value]) => value !== undefined);
    const list = known.map(([key, value]) => `${key} ${value}`);
    return `${engine}: ${[version, ...list].join(', ')}\n`;
  });
  const { model, threads, prompt_tokens, gen_tokens, rounds } = settings;
  return (
    `${model}, threads ${threads}, ${prompt_tokens} prompt and ${gen_tokens} generated tokens, ${rounds} rounds: ` +
    `median (smallest-largest); ratios are those of the same rounds\n\n` +
    `${formatTable([head, ...rows])}\n${about.join('')}`
  );
}

await runProgram({
  name: 'peers',
  usage: 'npm run bench:peers',
  summary:
    'Measures pipit against wllama in Chromium and llama.cpp, both with an F16 KV cache and the settings that are found to\n' +
    'be fastest for this workload (flash attention or not; size of a batch). llama.cpp-no-amx is llama.cpp without the\n' +
    'matrix unit AMX that some servers have; elsewhere it is the same.',
  options,
  measure,
  table,
});
