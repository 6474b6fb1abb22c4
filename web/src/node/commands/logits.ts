// pipit logits: teacher-forced logits of given tokens, into a file.
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';

import { PipitError, messageOf } from '../../errors.ts';
import type { LanguageModel } from '../../index.ts';
import { CTX_OPTION, LOAD_OPTIONS } from '../arguments.ts';
import { type Command, openModel } from '../command.ts';
import { formatCount } from '../format.ts';
import { Progress, printJson, remark } from '../terminal.ts';
import { readTokens } from '../token_file.ts';

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

type Write = (file: FileHandle) => Promise<void>;

/**
 * `write` fills a file beside `path`, which takes that name only when it is whole. What a link names is replaced, not
 * the link; a device or a pipe is written to as it is.
 */
async function writeWhole(path: string, write: Write): Promise<void> {
  try {
    const existing = await stat(path).catch(() => null);
    if (existing && !existing.isFile()) await writeTo(path, write);
    else await replace(existing ? await realpath(path) : path, write);
  } catch (error) {
    throw error instanceof PipitError
      ? error
      : new PipitError('io', `${path} cannot be written: ${messageOf(error)}.`, error);
  }
}

async function replace(path: string, write: Write): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    await writeTo(part, write);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function writeTo(path: string, write: Write): Promise<void> {
  const file = await open(path, 'w');
  try {
    await write(file);
  } finally {
    await file.close();
  }
}
