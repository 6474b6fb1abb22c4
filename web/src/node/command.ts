// What all commands share: their shape, the model they open, and how a generation is shown.
import type { GenerateResult, LanguageModel, LoadOptions } from '../index.ts';
import type { GenerationStream } from '../stream.ts';
import type { Arguments, CommandSpec } from './arguments.ts';
import { formatCount, formatRate } from './format.ts';
import { loadModel } from './index.ts';
import { asUrl, fetchModelFile } from './model_files.ts';
import { Progress, print, printJson, remark } from './terminal.ts';

export interface Command extends CommandSpec {
  /** `signal` is aborted by Ctrl-C. */
  run(args: Arguments, signal: AbortSignal): Promise<void>;
}

/** The file of a MODEL argument, fetched first where the catalogue knows it. */
export async function modelFile(model: string, signal: AbortSignal): Promise<string> {
  const progress = new Progress(`fetching ${model}`);
  try {
    return await fetchModelFile(model, {
      signal,
      onProgress: ({ phase, done = 0, total = 0, message }) => {
        if (phase === 'note') remark(message ?? '');
        else progress.update(done, total, ` (${phase})`);
      },
    });
  } finally {
    progress.end();
  }
}

/** Loads the file as LOAD_OPTIONS say. */
export async function openFile(
  path: string,
  args: Arguments,
  signal: AbortSignal,
): Promise<LanguageModel> {
  const progress = new Progress(asUrl(path) ? `loading ${path}` : 'loading');
  try {
    return await loadModel(path, {
      kernels: args.string('kernels'),
      kvType: args.string('kv-type') as LoadOptions['kvType'], // checked when it is loaded
      threads: args.number('threads'),
      nCtx: args.number('ctx'),
      tokenizer: args.string('tokenizer'),
      signal,
      onProgress: ({ loaded, total, downloaded }) =>
        progress.update(Math.max(loaded, downloaded), total),
    });
  } finally {
    progress.end();
  }
}

export async function openModel(
  model: string,
  args: Arguments,
  signal: AbortSignal,
): Promise<LanguageModel> {
  return await openFile(await modelFile(model, signal), args, signal);
}

/** Streams a generation to stdout, or prints its result as JSON. */
export async function show(stream: GenerationStream, args: Arguments): Promise<GenerateResult> {
  if (args.flag('json')) {
    const result = await stream.result;
    await printJson(result);
    return result;
  }
  let end = '';
  for await (const { text } of stream) {
    await print(text);
    end = text.at(-1) ?? end;
  }
  if (end !== '\n') await print('\n');
  const result = await stream.result;
  if (args.flag('verbose') || process.stderr.isTTY) remark(summary(result));
  return result;
}

function summary(result: GenerateResult): string {
  const { promptTokens, cachedTokens, prefillTokensPerSecond, tokens, decodeTokensPerSecond } =
    result;
  const cached = cachedTokens > 0 ? ` (${formatCount(cachedTokens)} cached)` : '';
  const prompt = `prompt ${formatCount(promptTokens)} tokens${cached} at ${formatRate(prefillTokensPerSecond)}`;
  const answer = `answer ${formatCount(tokens.length)} at ${formatRate(decodeTokensPerSecond)}`;
  return `[${prompt}; ${answer}; stopped by ${result.stopReason}; seed ${result.seed}]`;
}
