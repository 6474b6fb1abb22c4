// pipit perplexity: how well a model predicts a text.
import type { LanguageModel } from '../../index.ts';
import { type Arguments, CTX_OPTION, LOAD_OPTIONS } from '../arguments.ts';
import { type Command, openModel } from '../command.ts';
import { formatCount, formatMs } from '../format.ts';
import { Progress, print, printJson } from '../terminal.ts';
import { PipitError } from '../../errors.ts';
import { readTextFile } from '../token_file.ts';

const MAX_DEFAULT_CTX = 4096;

export const perplexity: Command = {
  name: 'perplexity',
  usage: 'MODEL --file TEXT',
  summary: 'Prints the perplexity of a UTF-8 text under the model.',
  options: [
    { name: 'file', kind: 'string', value: 'FILE', help: 'the text' },
    {
      ...CTX_OPTION,
      help: `tokens a window (default: the model's context, at most ${MAX_DEFAULT_CTX})`,
    },
    ...LOAD_OPTIONS,
  ],
  details:
    'The text is cut into windows of N tokens, the last one shorter, each computed in an empty context. Every token\n' +
    'but the first of its window is predicted from those before it in the window; the perplexity is exp of the mean of\n' +
    '-ln p(token). A model that wants BOS gets it once, at the beginning of the text.',
  async run(args, signal) {
    const name = args.takeModel();
    args.expectNoMore();
    const text = await readTextFile(args.required('file'));
    await using model = await openModel(name, args, signal);
    const start = performance.now();
    const result = await measurePerplexity(model, text, args, signal);
    if (args.flag('json')) return await printJson(result);
    const { nPredicted, nTokens, nCtx } = result;
    const took = formatMs(performance.now() - start);
    return await print(
      `perplexity ${result.perplexity.toFixed(4)} (${formatCount(nPredicted)} of ${formatCount(nTokens)} tokens ` +
        `predicted, windows of ${formatCount(nCtx)}, ${took})\n`,
    );
  },
};

export interface Perplexity {
  perplexity: number;
  meanNll: number;
  nPredicted: number;
  nTokens: number;
  /** Tokens a window, as CTX_OPTION says. */
  nCtx: number;
}

export async function measurePerplexity(
  model: LanguageModel,
  text: string,
  args: Arguments,
  signal: AbortSignal,
): Promise<Perplexity> {
  const nCtx = args.count('ctx', 0, 0) || Math.min(model.info.nCtxTrain, MAX_DEFAULT_CTX);
  const tokens = await model.tokenize(text);
  if (tokens.length < 2 || nCtx < 2) {
    throw new PipitError(
      'invalid_argument',
      `Two tokens or more are needed; the text has ${tokens.length}, --ctx is ${nCtx}.`,
    );
  }
  const { sum, n } = await negativeLogLikelihood(model, tokens, nCtx, signal);
  return {
    perplexity: Math.exp(sum / n),
    meanNll: sum / n,
    nPredicted: n,
    nTokens: tokens.length,
    nCtx,
  };
}

async function negativeLogLikelihood(
  model: LanguageModel,
  tokens: readonly number[],
  nCtx: number,
  signal: AbortSignal,
): Promise<{ sum: number; n: number }> {
  const progress = new Progress('perplexity');
  const { nVocab } = model.info;
  let sum = 0;
  let n = 0;
  try {
    for (let begin = 0; begin < tokens.length - 1; begin += nCtx) {
      const window = tokens.slice(begin, begin + nCtx);
      if (window.length < 2) break;
      for await (const chunk of model.logits(window, { nCtx, signal })) {
        for (let row = 0; row < chunk.n; row++) {
          const next = window[chunk.start + row + 1];
          if (next === undefined) break;
          sum -= logProbability(chunk.logits.subarray(row * nVocab, (row + 1) * nVocab), next);
          n++;
        }
        const soFar = n > 0 ? `, ${Math.exp(sum / n).toFixed(3)} so far` : '';
        progress.update(begin + chunk.start + chunk.n, tokens.length, soFar);
      }
    }
  } finally {
    progress.end();
  }
  return { sum, n };
}

/** ln softmax(logits)[token], summed in float64 relative to the largest logit. */
export function logProbability(logits: Float32Array, token: number): number {
  let max = -Infinity;
  for (const logit of logits) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return logits[token]! - max - Math.log(sum);
}
