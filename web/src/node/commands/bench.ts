// pipit bench: load time, prefill and decode speed, memory; every repeat loads afresh.
import { type Speed, measureSpeed, randomTokens } from '../../measure.ts';
import { spread } from '../../stats.ts';
import { type Arguments, LOAD_OPTIONS } from '../arguments.ts';
import { type Command, modelFile, openFile } from '../command.ts';
import { formatBytes, formatCount, formatMs, formatRate, formatTable } from '../format.ts';
import { Progress, print, printJson } from '../terminal.ts';

/** What one repeat measured. */
interface Sample extends Speed {
  loadMs: number;
  peakWasmMemoryBytes: number;
  kernels: string;
  kvType: string;
  kvBytes: number;
  threads: number;
}

type Measure = Exclude<keyof Sample, 'kernels' | 'kvType' | 'threads'>;

const MEASURES: { key: Measure; title: string; format: (value: number) => string }[] = [
  { key: 'loadMs', title: 'load', format: formatMs },
  { key: 'prefillTokensPerSecond', title: 'prefill', format: formatRate },
  { key: 'decodeTokensPerSecond', title: 'decode', format: formatRate },
  { key: 'peakWasmMemoryBytes', title: 'peak Wasm memory', format: formatBytes },
  { key: 'kvBytes', title: 'of it KV cache', format: formatBytes },
];

export const bench: Command = {
  name: 'bench',
  usage: 'MODEL',
  summary:
    'Measures load time, prefill and decode speed and peak Wasm memory: median, smallest and largest.',
  options: [
    {
      name: 'prompt-tokens',
      kind: 'integer',
      value: 'N',
      help: 'tokens of the prompt (default 256)',
    },
    {
      name: 'gen-tokens',
      kind: 'integer',
      value: 'N',
      help: 'tokens to generate, at least 2 (default 64)',
    },
    { name: 'repeat', kind: 'integer', value: 'N', help: 'times to load and run (default 5)' },
    ...LOAD_OPTIONS,
  ],
  details:
    "Every repeat starts a worker, loads the file (from the system's cache if it was read before), computes a prompt\n" +
    'of random tokens and generates greedily. Decode speed counts the tokens after the first.',
  async run(args, signal) {
    const name = args.takeModel();
    args.expectNoMore();
    const counts = {
      promptTokens: args.count('prompt-tokens', 256, 1),
      genTokens: args.count('gen-tokens', 64, 2),
      repeat: args.count('repeat', 5, 1),
    };
    const path = await modelFile(name, signal);
    const progress = new Progress('bench');
    const samples: Sample[] = [];
    try {
      for (let i = 0; i < counts.repeat; i++) {
        progress.update(i, counts.repeat);
        samples.push(await measure(path, counts, args, signal));
      }
    } finally {
      progress.end();
    }
    await report(name, counts, samples, args);
  },
};

interface Counts {
  promptTokens: number;
  genTokens: number;
  repeat: number;
}

async function measure(
  path: string,
  counts: Counts,
  args: Arguments,
  signal: AbortSignal,
): Promise<Sample> {
  const start = performance.now();
  await using model = await openFile(path, args, signal);
  const loadMs = performance.now() - start;
  const prompt = randomTokens(counts.promptTokens, model.info.nVocab);
  const speed = await measureSpeed(model, prompt, counts.genTokens, signal);
  const { wasmMemoryBytes, kernels, kvType, kvBytes, threads } = await model.stats();
  return {
    loadMs,
    ...speed,
    peakWasmMemoryBytes: wasmMemoryBytes,
    kernels,
    kvType,
    kvBytes,
    threads,
  };
}

async function report(
  name: string,
  counts: Counts,
  samples: readonly Sample[],
  args: Arguments,
): Promise<void> {
  const { promptTokens, genTokens, repeat } = counts;
  const { kernels, kvType, kvBytes, threads } = samples[0]!;
  const spreads = MEASURES.map((measure) => ({
    ...measure,
    ...spread(samples.map((sample) => sample[measure.key])),
  }));
  if (args.flag('json')) {
    const measures: Record<string, object> = {};
    for (const { key, median, min, max, values } of spreads)
      measures[key] = { median, min, max, values };
    return await printJson({
      model: name,
      kernels,
      kvType,
      kvBytes,
      threads,
      promptTokens,
      genTokens,
      repeat,
      ...measures,
    });
  }
  const rows = spreads.map(({ title, format, median, min, max }) => [
    title,
    format(median),
    format(min),
    format(max),
  ]);
  return await print(
    `${name}, kernels ${kernels}, KV cache ${kvType}, threads ${threads}, ${formatCount(promptTokens)} prompt and ${formatCount(genTokens)} ` +
      `generated tokens, ${repeat} times\n${formatTable([['', '>median', '>min', '>max'], ...rows])}`,
  );
}
