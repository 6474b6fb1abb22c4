// pipit logits: teacher-forced logits of given tokens, into a file.
import type { FileHandle } from 'node:fs/promises';

import type { LanguageModel } from '../../index.ts';
import { CTX_OPTION, LOAD_OPTIONS } from '../arguments.ts';
import { type Command, openModel } from '../command.ts';
import { formatCount } from '../format.ts';
import { Progress, printJson, remark } from '../terminal.ts';
import { readTokens } from '../token_file.ts';
import { writeWhole } from '../whole_file.ts';

export const logits: Command = {
  name: 'logits',
  usage: 'MODEL --tokens FILE.json --out FILE.f32',
  summary:
    'Computes the logits after every token of FILE.json (a JSON array of ids) in one context.',
  options: [
    { name: 'tokens', kind: 'string', value: 'FILE', help: 'JSON array of token ids' },
    {
      name: 'out',
      kind: 'string',
      value: 'FILE',
      help: 'little-endian float32, [n_tokens, n_vocab]',
    },
    CTX_OPTION,
    ...LOAD_OPTIONS,
  ],
  async run(args, signal) {
    const name = args.takeModel();
    args.expectNoMore();
    const [tokensPath, out] = [args.required('tokens'), args.required('out')];
    const tokens = await readTokens(tokensPath);
    await using model = await openModel(name, args, signal);
    await writeWhole(out, (file) => writeLogits(model, tokens, file, signal));
    const { nVocab } = model.info;
    if (args.flag('json')) await printJson({ out, nTokens: tokens.length, nVocab });
    else remark(`${out}: ${formatCount(tokens.length)} × ${formatCount(nVocab)} float32`);
  },
};

async function writeLogits(
  model: LanguageModel,
  tokens: readonly number[],
  file: FileHandle,
  signal: AbortSignal,
): Promise<void> {
  const progress = new Progress('logits');
  try {
    for await (const chunk of model.logits(tokens, { signal })) {
      await file.writeFile(new Uint8Array(chunk.logits.buffer));
      progress.update(chunk.start + chunk.n, tokens.length);
    }
  } finally {
    progress.end();
  }
}
