// npm run bench:load: how long a model takes from its URL, from each store and from a file until it is ready, in browsers.
import { statSync } from 'node:fs';

import { formatBytes, formatTable } from '../dist/node/format.js';
import { spread } from '../dist/stats.js';
import { catalog, modelPath } from '../tools/fetch-model.mjs';
import { openPage } from '../tools/lib/browser.mjs';
import { serve } from '../tools/lib/server.mjs';
import { COMMON, parse, runProgram } from './lib/program.mjs';
import { cell } from './lib/table.mjs';

const STORES = ['indexeddb', 'opfs', 'memory', 'none'];

const options = [
  COMMON.browsers,
  {
    name: 'stores',
    value: 'LIST',
    default: STORES.join(),
    parse: parse.list(parse.name(STORES)),
    help: `of ${STORES.join(', ')}`,
  },
  {
    name: 'model',
    value: 'ID',
    default: catalog()[0].id,
    parse: parse.text,
    help: 'id of models/catalog.json',
  },
  COMMON.rounds,
  COMMON.chromium,
  COMMON.firefox,
];

/** In the page: the milliseconds of one step. */
async function time(step, url, store) {
  const { loadModel, deleteModel } = await import('/dist/browser/index.js');
  if (step === 'fetch') {
    const start = performance.now();
    const reader = (await fetch(url, { cache: 'no-store' })).body.getReader();
    while (!(await reader.read()).done);
    return performance.now() - start;
  }
  if (step === 'read') {
    const { IndexedDbStore } = await import('/dist/store/indexeddb.js');
    const { readVerified } = await import('/dist/store/store.js');
    const { readAhead } = await import('/dist/slots.js');
    const opened = new IndexedDbStore();
    const start = performance.now();
    const [manifest] = await opened.list();
    const read = (i) =>
      i < manifest.chunks.length ? readVerified(opened, manifest, i) : undefined;
    for await (const _ of readAhead(4, async (i) => read(i)));
    opened.close();
    return performance.now() - start;
  }
  if (step === 'cold' && store !== 'none') await deleteModel(url, { store });
  const start = performance.now();
  const model = await loadModel(url, { store });
  const ready = performance.now() - start;
  if (step === 'first token') {
    const words = 'the '.repeat(32);
    const prompt = (await model.tokenize(words)).slice(0, 32);
    await model.generate(prompt, { maxTokens: 1, temperature: 0 }).result;
  }
  const end = performance.now() - start;
  await model.dispose();
  return step === 'first token' ? end : ready;
}

async function measure({ hosts, stores, model, rounds, ...executables }, progress) {
  const file = modelPath(model);
  const server = await serve({ '/model.gguf': file });
  const url = `${server.url}model.gguf`;
  const results = [];
  progress.remain(rounds * hosts.length);
  const note = (host, step, store, ms) => {
    let result = results.find((r) => r.host === host && r.step === step && r.store === store);
    if (!result) results.push((result = { host, step, store, values: [] }));
    result.values.push(ms);
  };
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const host of hosts) {
        progress.step(`round ${round}/${rounds}, ${host}`);
        const page = await openPage({
          name: host,
          executablePath: executables[host],
          url: server.url,
        });
        try {
          const run = async (step, store) =>
            note(host, step, store, await page.run(60, `${step} ${store}`, time, step, url, store));
          await run('fetch', '');
          for (const store of stores) {
            await run('cold', store);
            if (store === 'none') continue;
            await run('warm', store);
            await run('first token', store);
            if (store === 'indexeddb') await run('read', store);
          }
        } finally {
          await page.close();
        }
      }
    }
  } finally {
    server.close();
  }
  return {
    settings: { model, bytes: statSync(file).size, rounds },
    results: results.map(({ values, ...what }) => ({ ...what, ms: spread(values) })),
  };
}

function table({ settings, results }) {
  const hosts = [...new Set(results.map(({ host }) => host))];
  const keys = [...new Set(results.map(({ step, store }) => `${step} ${store}`.trim()))];
  const rows = keys.map((key) => [
    key,
    ...hosts.map((host) => {
      const found = results.find((r) => r.host === host && `${r.step} ${r.store}`.trim() === key);
      return found ? cell(found.ms, 0) : '';
    }),
  ]);
  return (
    `${settings.model}, ${formatBytes(settings.bytes)}, from a server on this machine; ms, median (spread).\n` +
    'fetch: the bare download. read: all chunks out of the store and hashed, no engine. cold: downloaded, stored and\n' +
    'ready. warm: from the store until it is ready. first token: the same and a prompt of 32 tokens.\n\n' +
    formatTable([['', ...hosts.map((host) => `>${host}`)], ...rows])
  );
}

await runProgram({
  name: 'load',
  usage: 'npm run bench:load',
  summary: 'Measures how long a model takes until it is ready, in browsers and from every store.',
  options,
  measure,
  table,
});
