// npm run bench:start: how soon a page can answer. In every round each browser downloads the model by itself, starts cold
// (nothing stored), starts warm (the model in IndexedDB, the page reloaded) and starts warm once more under observation. In
// the end each says once what the page takes, for which Chromium needs a minute: threads without work do not answer it.
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { formatBytes } from '../dist/node/format.js';
import { spread } from '../dist/stats.js';
import { modelPath } from '../tools/fetch-model.mjs';
import { launch } from '../tools/lib/browser.mjs';
import { Throttle, sendFile, sends, serve } from '../tools/lib/server.mjs';
import { COMMON, parse, runProgram } from './lib/program.mjs';
import { cell, tableOfBars } from './lib/table.mjs';

/** What issue 5 asks for. */
const bars = { coldMs: 500, warmMs: 700, blockMs: 50, memory: 1.5 };
const limitSeconds = 120;

const options = [
  COMMON.browsers,
  COMMON.model,
  {
    name: 'bandwidth',
    value: 'N',
    default: '50',
    parse: parse.count(1),
    help: 'megabytes a second that the server gives',
  },
  COMMON.rounds,
  COMMON.chromium,
  COMMON.firefox,
];

async function measure(values, progress) {
  const { chromium, firefox, rounds, hosts: names, model, bandwidth } = values;
  const file = modelPath(model);
  const stats = await stat(file);
  const throttle = new Throttle(bandwidth * 1e6);
  const server = await serve({
    '/start': sends(
      '<!doctype html><title>pipit</title><script type="module" src="/start.mjs"></script>',
      'text/html',
    ),
    '/start.mjs': fileURLToPath(new URL('./start_page.mjs', import.meta.url)),
    '/model.gguf': (request, response) => sendFile(file, stats, request, response, throttle),
  });
  const hosts = [];
  try {
    for (const name of names) hosts.push(await openHost(name, { chromium, firefox }[name]));
    const samples = hosts.map(() => []);
    progress.remain(rounds * hosts.length);
    for (let round = 1; round <= rounds; ++round) {
      for (const [i, host] of hosts.entries()) {
        progress.step(`round ${round}/${rounds}: ${host.name}`);
        const visit = (task) => host.visit(`${server.url}start?do=${task}`);
        await visit('forget');
        const download = await visit('download');
        const cold = await visit('start');
        const warm = await visit('start');
        const watched = await visit('watch');
        samples[i].push({ download, cold, warm, watched });
      }
    }
    const memory = [];
    for (const host of hosts) {
      progress.note(`memory of ${host.name}, which may take a minute`);
      memory.push((await host.visit(`${server.url}start?do=weigh`)).memoryBytes);
    }
    return {
      settings: { model, rounds, bandwidth },
      hosts: hosts.map(({ name, version }) => ({ name, version })),
      results: hosts.map(({ name }, i) => summarise(name, samples[i], memory[i], stats.size)),
    };
  } finally {
    for (const host of hosts) await host.close();
    server.close();
  }
}

async function openHost(name, executablePath) {
  // Otherwise an answer about memory may take longer than the measurement.
  const args = name === 'chromium' ? ['--enable-blink-features=ForceEagerMeasureMemory'] : [];
  const browser = await launch(name, { executablePath, args });
  const tab = await browser.profile.open('about:blank');
  return {
    name,
    version: browser.version,
    close: browser.close,
    async visit(url) {
      await tab.page.goto(url, { timeout: 30_000 });
      return tab.run(limitSeconds, `Visiting ${url}`, () => globalThis.started);
    },
  };
}

function summarise(host, samples, memoryBytes, fileBytes) {
  const of = (pick) => {
    const values = samples.map(pick);
    return values.includes(null) ? null : spread(values);
  };
  const download = of(({ download }) => download.ms);
  const cold = of(({ cold }) => cold.readyMs);
  return {
    host,
    download_ms: download,
    cold_ready_ms: cold,
    cold_beyond_download_ms: of(({ download, cold }) => cold.readyMs - download.ms),
    cold_first_token_ms: of(({ cold }) => cold.firstTokenMs),
    warm_call_ms: of(({ warm }) => warm.callMs),
    warm_load_ms: of(({ warm }) => warm.loadMs),
    warm_ready_ms: of(({ warm }) => warm.readyMs),
    warm_first_token_ms: of(({ warm }) => warm.firstTokenMs),
    longest_gap_ms: of(({ watched }) => watched.longestGapMs),
    longest_task_ms: of(({ watched }) => watched.longestTaskMs),
    memory_bytes: memoryBytes,
    memory_of_file: memoryBytes && memoryBytes / fileBytes,
    wasm_memory_bytes: of(({ warm }) => warm.wasmMemoryBytes),
  };
}

function table({ results }) {
  const time = (value) => (value === null ? '-' : cell(value, 0));
  const rows = [
    ['the download by itself, ms', (r) => time(r.download_ms)],
    ['cold start: model ready, ms', (r) => time(r.cold_ready_ms)],
    [
      'cold start beyond the download, ms',
      (r) => time(r.cold_beyond_download_ms),
      (r) => r.cold_beyond_download_ms.median <= bars.coldMs,
      `${bars.coldMs}`,
    ],
    ['warm start: loadModel() called, ms', (r) => time(r.warm_call_ms)],
    ['of it in the worker, ms', (r) => time(r.warm_load_ms)],
    ['warm start: model ready, ms', (r) => time(r.warm_ready_ms)],
    [
      'warm start: first token, ms',
      (r) => time(r.warm_first_token_ms),
      (r) => r.warm_first_token_ms.median <= bars.warmMs,
      `${bars.warmMs}`,
    ],
    [
      'longest task of the main thread, ms',
      (r) => time(r.longest_task_ms),
      (r) => r.longest_task_ms === null || r.longest_task_ms.median <= bars.blockMs,
      `${bars.blockMs}`,
    ],
    [
      'longest gap between its timers, ms',
      (r) => time(r.longest_gap_ms),
      (r) => r.longest_gap_ms.median <= bars.blockMs,
      `${bars.blockMs}`,
    ],
    ['memory of the page', (r) => (r.memory_bytes ? formatBytes(r.memory_bytes) : '-')],
    [
      'as a multiple of the file',
      (r) => r.memory_of_file?.toFixed(2) ?? '-',
      (r) => r.memory_of_file === null || r.memory_of_file <= bars.memory,
      `${bars.memory}`,
    ],
    ['Wasm memory', (r) => formatBytes(r.wasm_memory_bytes.median)],
  ];
  return tableOfBars('median (smallest-largest)', results, rows);
}

await runProgram({
  name: 'start',
  usage: 'npm run bench:start',
  summary:
    'Measures how soon a page can answer after a prompt of 32 tokens, counted from the navigation: with nothing stored, and\n' +
    'with the model in IndexedDB; how long the main thread is blocked meanwhile; and how much memory the page takes.',
  options,
  measure,
  table,
});
