// npm run bench, npm run bench:browser: the engine by itself, in Node and in browsers. In every round each combination of
// model, host, kernel set and thread count is loaded afresh and measured once, so what disturbs the machine disturbs all.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

import { formatBytes, formatTable } from '../dist/node/format.js';
import { ratio, spread } from '../dist/stats.js';
import { catalog, modelPath } from '../tools/fetch-model.mjs';
import { HOSTS, openHost } from './lib/hosts.mjs';
import { COMMON, parse, runProgram } from './lib/program.mjs';
import { cell } from './lib/table.mjs';

const kernelSets = ['auto', 'relaxed-i16', 'relaxed-i32', 'simd128', 'xnnpack'];
const standardPrompt = 256;
const warmUp = { promptTokens: 64, genTokens: 16 };
/** Tokens whose cost is that of a position: they lie around it. */
const growthTokens = 32;

const options = [
  {
    name: 'hosts',
    value: 'LIST',
    default: 'node',
    parse: parse.list(parse.name(HOSTS)),
    help: `of ${HOSTS.join(', ')}`,
  },
  {
    name: 'models',
    value: 'LIST',
    default: catalog()
      .map(({ id }) => id)
      .join(),
    parse: parse.list(parse.text),
    help: 'ids of models/catalog.json, or paths',
  },
  {
    name: 'kernels',
    value: 'LIST',
    default: kernelSets.join(),
    parse: parse.list(parse.text),
    help: 'kernel sets; one that the build does not have is skipped',
  },
  {
    name: 'threads',
    value: 'LIST',
    default: '1,2',
    parse: parse.list(parse.count(1)),
    help: 'thread counts',
  },
  {
    name: 'kv-type',
    value: 'NAME',
    default: 'auto',
    parse: parse.text,
    help: 'type of the KV cache: auto, f32, f16, int8',
  },
  {
    name: 'prompt-tokens',
    value: 'LIST',
    default: '16,128,256,1024',
    parse: parse.list(parse.count(1)),
    help: 'lengths of the prompts',
  },
  {
    name: 'gen-tokens',
    value: 'N',
    default: '64',
    parse: parse.count(2),
    help: 'tokens generated after each prompt',
  },
  {
    name: 'positions',
    value: 'LIST',
    default: '100,500,1000,2000,3000,4000',
    parse: parse.list(parse.count(growthTokens)),
    help: 'positions at which the cost of a token is measured',
  },
  COMMON.rounds,
  COMMON.chromium,
  COMMON.firefox,
];

/** What the issue allows the Wasm memory to be. */
function memoryBar(fileBytes, kvBytes) {
  return 1.15 * fileBytes + kvBytes + 24e6;
}

async function measure(values, progress) {
  const { chromium, firefox, rounds, ...settings } = values;
  const skipped = new Skipped(progress);
  const models = values.models
    .map((id) => ({ id: path.basename(id), path: modelPath(id) }))
    .filter(({ id, path }) => {
      if (existsSync(path)) return true;
      skipped.add(id, `It has not been fetched: node tools/fetch-model.mjs ${id}`);
      return false;
    });
  const hosts = [];
  try {
    for (const name of values.hosts) hosts.push(await openHost(name, { chromium, firefox }));
    let candidates = models.flatMap((model) =>
      hosts.flatMap((host) =>
        values.kernels.flatMap((kernels) =>
          values.threads.map((threads) => ({ model, host, kernels, threads, samples: [] })),
        ),
      ),
    );
    progress.remain(candidates.length * rounds);
    for (let round = 1; round <= rounds; ++round) {
      const loaded = [];
      for (const candidate of candidates) {
        const { model, host, kernels, threads } = candidate;
        const name = `${model.id} in ${host.name}, ${kernels}, threads ${threads}`;
        progress.step(`round ${round}/${rounds}: ${name}`);
        try {
          candidate.samples.push(await sample(candidate, values));
          loaded.push(candidate);
        } catch (error) {
          skipped.add(name, error.message);
        }
      }
      candidates = loaded;
      progress.remain(candidates.length * (rounds - round));
    }
    const results = candidates.map((candidate) => summarise(candidate, values));
    return {
      settings: { ...settings, rounds },
      hosts: hosts.map(({ name, version }) => ({ name, version })),
      results,
      ratios: compare(results),
      skipped: skipped.list,
    };
  } finally {
    for (const host of hosts) await host.close();
  }
}

/** What could not be measured, by the reason. */
class Skipped {
  /** [{ why, what: [name, …] }] */
  list = [];
  #progress;

  constructor(progress) {
    this.#progress = progress;
  }

  add(name, why) {
    const known = this.list.find((entry) => entry.why === why);
    if (known) known.what.push(name);
    else this.list.push({ why, what: [name] });
    this.#progress.note(`skipped: ${name}: ${why}`);
  }
}

async function sample({ model, host, kernels, threads }, values) {
  const { promptTokens, genTokens, positions, kvType } = values;
  // Left to pipit where nothing is asked for.
  const loadOptions = { kernels, threads, ...(kvType === 'auto' ? {} : { kvType }) };
  const loaded = await host.load(model.path, loadOptions);
  try {
    const { wasmMemoryBytes: loadedBytes } = await loaded.stats();
    await loaded.speed(warmUp.promptTokens, warmUp.genTokens);
    const speeds = [];
    for (const n of promptTokens) speeds.push(await loaded.speed(n, genTokens));
    const growth = [];
    for (const position of positions) {
      growth.push(await loaded.speed(position - growthTokens / 2, growthTokens));
    }
    const stats = await loaded.stats();
    const kvBytes = Math.max(...[...speeds, ...growth].map((speed) => speed.kvBytes));
    return { loadMs: loaded.loadMs, loadedBytes, kvBytes, stats, speeds, growth };
  } finally {
    await loaded.dispose();
  }
}

function summarise({ model, host, kernels, threads, samples }, { promptTokens, positions }) {
  const { stats, kvBytes, loadedBytes } = samples.at(-1);
  const fileBytes = statSync(model.path).size;
  const speedsOf = (key, i) => ({
    prefill: spread(samples.map((sample) => sample[key][i].prefillTokensPerSecond)),
    decode: spread(samples.map((sample) => sample[key][i].decodeTokensPerSecond)),
  });
  return {
    model: model.id,
    host: host.name,
    kernels,
    used_kernels: stats.kernels,
    threads,
    used_threads: stats.threads,
    kv_type: stats.kvType,
    warnings: stats.warnings,
    load_ms: spread(samples.map(({ loadMs }) => loadMs)),
    prompts: promptTokens.map((n, i) => ({ prompt_tokens: n, ...speedsOf('speeds', i) })),
    growth: positions.map((position, i) => ({ position, ...speedsOf('growth', i) })),
    memory: {
      file_bytes: fileBytes,
      kv_bytes: kvBytes,
      after_load_bytes: loadedBytes,
      peak_bytes: stats.wasmMemoryBytes,
      bar_bytes: memoryBar(fileBytes, kvBytes),
    },
  };
}

/**
 * Each result beside the first that differs from it only in host, kernel set or threads: how many times as fast it is with
 * the standard prompt, or the longest where that was not measured.
 */
function compare(results) {
  const keys = ['model', 'host', 'kernels', 'threads'];
  return ['host', 'kernels', 'threads'].flatMap((key) => {
    const others = keys.filter((other) => other !== key);
    return results.flatMap((result) => {
      const first = results.find((other) => others.every((k) => other[k] === result[k]));
      if (first === result || result.prompts.length === 0) return [];
      const i = result.prompts.findIndex(({ prompt_tokens }) => prompt_tokens === standardPrompt);
      const [a, b] = [result, first].map(({ prompts }) => prompts.at(i));
      return [
        {
          ...Object.fromEntries(others.map((other) => [other, result[other]])),
          [key]: `${result[key]} / ${first[key]}`,
          prompt_tokens: a.prompt_tokens,
          prefill: ratio(a.prefill, b.prefill),
          decode: ratio(a.decode, b.decode),
        },
      ];
    });
  });
}

const titleOf = ({ model, host, kernels, used_kernels, threads }) => [
  model,
  host,
  kernels === used_kernels ? kernels : `${kernels} (${used_kernels})`,
  String(threads),
];

function table({ settings, results, ratios, skipped }) {
  const titles = ['model', 'host', 'kernels', '>threads'];
  const parts = [];
  const add = (heading, columns, cells) => {
    if (columns.length === 0 || results.length === 0) return;
    const rows = results.map((result) => [...titleOf(result), ...cells(result)]);
    parts.push(
      `${heading}\n${formatTable([[...titles, ...columns.map((title) => `>${title}`)], ...rows])}`,
    );
  };
  const lengths = settings.promptTokens.map((n) => `${n} tokens`);
  const places = settings.positions.map((position) => `at ${position}`);
  const last = places.length - 1;

  add('Prefill, tokens/s: median (smallest-largest)', lengths, ({ prompts }) =>
    prompts.map(({ prefill }) => cell(prefill)),
  );
  add(`Decode, tokens/s, ${settings.genTokens} tokens after the prompt`, lengths, ({ prompts }) =>
    prompts.map(({ decode }) => cell(decode)),
  );
  add(
    'Decode against position, ms a token',
    last < 1 ? places : [...places, 'speed, last / first'],
    ({ growth }) => [
      ...growth.map(({ decode }) => (1000 / decode.median).toFixed(2)),
      ...(last < 1 ? [] : [cell(ratio(growth[last].decode, growth[0].decode), 2)]),
    ],
  );
  add(
    'Load and memory',
    ['load, ms', 'after load', 'peak', 'of it KV cache', 'bar', 'kept'],
    ({ load_ms, memory }) => [
      cell(load_ms, 0),
      ...['after_load', 'peak', 'kv', 'bar'].map((key) => formatBytes(memory[`${key}_bytes`])),
      memory.peak_bytes <= memory.bar_bytes ? 'yes' : 'NO',
    ],
  );
  if (ratios.length > 0) {
    const rows = ratios.map(({ model, host, kernels, threads, prompt_tokens, prefill, decode }) => [
      ...[model, host, kernels, String(threads), String(prompt_tokens)],
      cell(prefill, 2),
      cell(decode, 2),
    ]);
    const head = [...titles, '>prompt', '>prefill', '>decode'];
    parts.push(`Times as fast\n${formatTable([head, ...rows])}`);
  }
  const notes = [
    ...skipped.map(({ what: [first, ...others], why }) => {
      const more = others.length > 0 ? ` and ${others.length} more` : '';
      return `skipped: ${first}${more}: ${why}\n`;
    }),
    ...results.flatMap((result) =>
      (result.warnings ?? []).map((warning) => `${titleOf(result).join(', ')}: ${warning}\n`),
    ),
  ];
  return [...parts, ...(notes.length > 0 ? [notes.join('')] : [])].join('\n');
}

await runProgram({
  name: 'engine',
  usage: 'npm run bench',
  summary:
    'Measures pipit by itself: load time, prefill, decode, decode against position, and memory. Everything together takes\n' +
    'long (a round of one kernel set about a minute); shorter lists measure a part. npm run bench:browser is the same\n' +
    'with --hosts chromium,firefox.',
  options,
  measure,
  table,
});
