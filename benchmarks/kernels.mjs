// npm run bench:kernels: every kernel by itself, in GMAC/s and GB/s, against what the machine can read. Every round is a run
// of build/wasm/kernel_bench.cjs (benchmarks/kernels/).
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { formatTable } from '../dist/node/format.js';
import { spread } from '../dist/stats.js';
import { COMMON, parse, runProgram } from './lib/program.mjs';
import { cell } from './lib/table.mjs';

const program = fileURLToPath(new URL('../build/wasm/kernel_bench.cjs', import.meta.url));

const options = [
  {
    name: 'kernels',
    value: 'LIST',
    default: '',
    parse: parse.list(parse.text),
    help: 'kernel sets; none: all that the build has but the reference',
  },
  COMMON.rounds,
];

async function measure({ kernels, rounds }, progress) {
  progress.remain(rounds);
  const results = [];
  for (let round = 1; round <= rounds; ++round) {
    progress.step(`round ${round}/${rounds}`);
    // Optimised from the first call: a measurement takes 30 ms, and V8's other compiler would be part
    // of it (Q4_1, one token: 13 GMAC/s in place of 16).
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--no-liftoff',
      program,
      ...kernels,
    ]);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    lines.forEach((line, i) => {
      results[i] ??= { ...line, seconds: [] };
      results[i].seconds.push(line.seconds);
    });
  }
  return { settings: { kernels, rounds }, results: results.map(summarise) };
}

/** The seconds of a call as rates, in 1e9 a second; those that are of no interest are null. */
function summarise({ macs, bytes, seconds, ...what }) {
  const rate = (amount) =>
    amount === 0 ? null : spread(seconds.map((second) => amount / second / 1e9));
  return {
    ...what,
    microseconds: spread(seconds.map((s) => 1e6 * s)),
    gmacs: rate(macs),
    gbytes: rate(bytes),
  };
}

function table({ results }) {
  const isRead = ({ kernel }) => kernel === 'read';
  const limit = Math.max(...results.filter(isRead).map(({ gbytes }) => gbytes.median));
  const read = results
    .filter(isRead)
    .map(({ shape, gbytes }) => `${shape} ${cell(gbytes)} GB/s`)
    .join(', ');
  const rows = results
    .filter((result) => !isRead(result))
    .map(({ kernels, kernel, shape, n, microseconds, gmacs, gbytes }) => [
      ...[kernels, kernel, shape, String(n), cell(microseconds, 2)],
      gmacs ? cell(gmacs) : '',
      gbytes ? cell(gbytes) : '',
      gbytes ? `${((100 * gbytes.median) / limit).toFixed(0)} %` : '',
    ]);
  const head = ['kernels', 'kernel', 'shape', '>n', '>µs a call', '>GMAC/s', '>GB/s', '>of limit'];
  return (
    `Reading memory: ${read}; the limit is the larger.\n` +
    `n: tokens of a product, positions of attention, numbers of the others. GB/s: weights, or keys and values.\n\n` +
    formatTable([head, ...rows])
  );
}

await runProgram({
  name: 'kernels',
  usage: 'npm run bench:kernels',
  summary:
    "Measures each kernel of each set over SmolLM2-135M's shapes, rotating over 80 MB of weights, in one thread of Node.",
  options,
  measure,
  table,
});
