// The records of benchmarks as figures: what a chart shows, before it is drawn.
//
// A figure: { id, title, note, unit, kind, series: [{ name, values }] }. Of kind "bars" it has `categories`, and a series
// one value or null for each; of kind "lines" `axis`, and a series { name, group, isDashed } values { x, y }. A value has
// median, min and max.
import { spread } from '../../dist/stats.js';

const standardPrompt = 256;
/** The matrix of SmolLM2-135M whose figures stand for all: the widest of a layer. */
const standardShape = '1536x576';

/** All figures that the records have the numbers for. */
export function figuresOf(records) {
  const of = (benchmark) => records.filter((record) => record.benchmark === benchmark);
  const engine = mergeEngineResults(of('engine').flatMap(({ results }) => results));
  return [
    ...peerFigures(of('peers')),
    ...growthFigures(engine),
    ...threadFigures(engine),
    ...promptFigures(engine),
    ...kernelFigures(of('kernels').flatMap(({ results }) => results)),
  ].filter(({ series }) => series.length > 0);
}

/** Runs may have measured different parts of one combination; of what both have, the later one counts. */
export function mergeEngineResults(results) {
  const merged = new Map();
  for (const result of results) {
    const key = [result.model, result.host, result.used_kernels, result.threads].join();
    const known = merged.get(key);
    merged.set(key, {
      ...result,
      prompts: mergeBy('prompt_tokens', known?.prompts, result.prompts),
      growth: mergeBy('position', known?.growth, result.growth),
    });
  }
  return [...merged.values()];
}

function mergeBy(key, old = [], added) {
  const entries = new Map([...old, ...added].map((entry) => [entry[key], entry]));
  return [...entries.values()].sort((a, b) => a[key] - b[key]);
}

function peerFigures(records) {
  const engines = distinct(records.flatMap(({ results }) => results.map(({ engine }) => engine)));
  const figure = (key, title) => ({
    id: `peers-${key}`,
    title,
    note: records.length > 0 ? describeWorkload(records.at(-1).settings) : '',
    unit: 'tokens/s',
    kind: 'bars',
    categories: engines,
    series: records.map(({ settings, results }) => ({
      name: threadCount(settings.threads),
      values: engines.map((name) => results.find(({ engine }) => engine === name)?.[key] ?? null),
    })),
  });
  return [figure('decode', 'Decode, by engine'), figure('prefill', 'Prefill, by engine')];
}

const describeWorkload = ({ model, prompt_tokens, gen_tokens }) =>
  `${model}, ${prompt_tokens} prompt tokens, ${gen_tokens} generated; longer is better`;

function growthFigures(results) {
  const measured = results.filter(({ growth }) => growth.length > 1);
  return byModel(measured).map(([model, ofModel]) => ({
    id: `growth-${model}`,
    title: 'Cost of a token, by its position',
    note: `${model}; lower is better`,
    unit: 'ms a token',
    kind: 'lines',
    axis: 'position in the context',
    series: ofModel.map((result) => ({
      ...nameAmong(ofModel, result),
      values: result.growth.map(({ position, decode }) => ({
        x: position,
        y: inverse(decode, 1000),
      })),
    })),
  }));
}

function promptFigures(results) {
  const measured = results.filter(({ prompts }) => prompts.length > 1);
  return byModel(measured).map(([model, ofModel]) => ({
    id: `prompts-${model}`,
    title: 'Prefill, by length of the prompt',
    note: `${model}; higher is better`,
    unit: 'tokens/s',
    kind: 'lines',
    axis: 'prompt tokens',
    series: ofModel.map((result) => ({
      ...nameAmong(ofModel, result),
      values: result.prompts.map(({ prompt_tokens, prefill }) => ({
        x: prompt_tokens,
        y: prefill,
      })),
    })),
  }));
}

function threadFigures(results) {
  const atStandard = ({ prompts }) =>
    prompts.find(({ prompt_tokens }) => prompt_tokens === standardPrompt);
  const measured = results.filter(atStandard);
  return byModel(measured).flatMap(([model, ofModel]) => {
    const threads = distinct(ofModel.map((result) => result.threads)).sort((a, b) => a - b);
    const categories = distinct(ofModel.map((result) => setName(ofModel, result)));
    return ['decode', 'prefill'].map((key) => ({
      id: `threads-${key}-${model}`,
      title: `${key === 'decode' ? 'Decode' : 'Prefill'}, by kernel set and threads`,
      note: `${model}, ${standardPrompt} prompt tokens; longer is better`,
      unit: 'tokens/s',
      kind: 'bars',
      categories,
      series: threads.map((n) => ({
        name: threadCount(n),
        values: categories.map((name) => {
          const found = ofModel.find(
            (result) => result.threads === n && setName(ofModel, result) === name,
          );
          return found ? atStandard(found)[key] : null;
        }),
      })),
    }));
  });
}

function kernelFigures(results) {
  const products = results.filter(
    ({ kernel, shape }) => kernel === 'matmul' && shape.endsWith(` ${standardShape}`),
  );
  const kernels = distinct(products.map((result) => result.kernels));
  const format = ({ shape }) => shape.split(' ')[0];
  const categories = distinct(products.map(format));
  const tokens = distinct(products.map(({ n }) => n));
  const read = results.filter(({ kernel }) => kernel === 'read');
  const limit = Math.max(...read.map(({ gbytes }) => gbytes.median));
  const find = (name, category, n) =>
    products.find((r) => r.kernels === name && format(r) === category && r.n === n);
  const series = (n, key) =>
    kernels.map((name) => ({
      name,
      values: categories.map((category) => find(name, category, n)?.[key] ?? null),
    }));
  const rates = tokens.map((n) => ({
    id: `kernels-gmacs-${n}`,
    title: `Matrix products, ${n === 1 ? 'one token' : `${n} tokens`} at a time`,
    note: `${standardShape}, one thread; longer is better`,
    unit: 'GMAC/s',
    kind: 'bars',
    categories,
    series: series(n, 'gmacs'),
  }));
  const decode = {
    id: 'kernels-gbytes',
    title: 'Matrix products of one token, as reading speed',
    note: `${standardShape}, one thread; the machine reads ${limit.toFixed(1)} GB/s through Wasm`,
    unit: 'GB/s',
    kind: 'bars',
    categories,
    series: tokens.includes(1) ? series(1, 'gbytes') : [],
  };
  return [...rates, decode];
}

const distinct = (values) => [...new Set(values)];
const threadCount = (n) => `${n} thread${n === 1 ? '' : 's'}`;

function byModel(results) {
  return distinct(results.map(({ model }) => model)).map((model) => [
    model,
    results.filter((result) => result.model === model),
  ]);
}

/** Kernel set, and host where there are several. */
function setName(results, { host, used_kernels }) {
  return distinct(results.map((result) => result.host)).length > 1
    ? `${used_kernels}, ${host}`
    : used_kernels;
}

/** A line's name, with the threads where they differ; lines of a group differ only in their threads. */
function nameAmong(results, result) {
  const group = setName(results, result);
  const counts = distinct(results.map(({ threads }) => threads));
  const name = counts.length > 1 ? `${group}, ${threadCount(result.threads)}` : group;
  return { name, group, isDashed: result.threads > Math.min(...counts) };
}

/** amount / value, as a spread. */
function inverse({ values }, amount) {
  return spread(values.map((value) => amount / value));
}
