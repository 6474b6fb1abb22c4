// pipit quantize: a model's weights as smaller numbers.
import { type Arguments, CTX_OPTION, LOAD_OPTIONS, UsageError } from '../arguments.ts';
import { type Command, modelFile, openFile } from '../command.ts';
import { openFile as openSource } from '../file_source.ts';
import { formatBytes, formatMs } from '../format.ts';
import { asUrl } from '../model_files.ts';
import {
  type Converted,
  FORCE_OPTION,
  TYPE_OPTION,
  checkOutput,
  conversionTable,
  writeQuantised,
} from '../quantise.ts';
import { print, printJson } from '../terminal.ts';
import { readTextFile } from '../token_file.ts';
import { measurePerplexity } from './perplexity.ts';

export const quantize: Command = {
  name: 'quantize',
  usage: 'IN OUT --type TYPE',
  summary:
    'Writes the GGUF file IN, whose tensors are F32, F16 or BF16, as OUT with weights of TYPE.',
  options: [
    TYPE_OPTION,
    FORCE_OPTION,
    {
      name: 'perplexity',
      kind: 'string',
      value: 'TEXT',
      help: 'a text file: print its perplexity under IN and under OUT',
    },
    { ...CTX_OPTION, help: 'tokens a window of the perplexity, as of pipit perplexity' },
    ...LOAD_OPTIONS,
  ],
  details:
    'Matrices become TYPE; norms, biases and other small tensors become F32. As in llama.cpp, the output head, or the\n' +
    'embeddings that serve as one, become Q6_K (Q8_0 where TYPE is that), and Q4_K is the mixture Q4_K_M. Rows that do\n' +
    'not divide into blocks of a type get the next larger one: Q5_0 for Q4_K, Q8_0 for Q6_K, otherwise F16.\n' +
    'OUT is replaced as a whole, or not at all.',
  async run(args, signal) {
    const name = args.take('IN', 'Give the path of a GGUF file.');
    const out = args.take('OUT', 'Give the path of the file to write.');
    args.expectNoMore();
    const type = args.required('type');
    if (asUrl(name)) throw new UsageError(`IN, ${name}, is a URL. Download the file first.`);
    const textPath = args.string('perplexity');
    const text = textPath === undefined ? undefined : await readTextFile(textPath);
    const path = await modelFile(name, signal);
    await checkOutput(out, path, args.flag('force'));

    const start = performance.now();
    const { size, converted } = await quantizeFile(path, out, type, args.number('threads'), signal);
    const took = performance.now() - start;
    const perplexity = text === undefined ? null : await compare(path, out, text, args, signal);

    if (args.flag('json')) {
      return await printJson({ out, type, inputBytes: size, ...converted, perplexity });
    }
    const { bytes } = converted;
    await print(
      `${out}: ${type}, ${formatBytes(bytes)} in place of ${formatBytes(size)}, ${formatMs(took)}\n` +
        conversionTable(converted),
    );
    if (perplexity) {
      const { before, after } = perplexity;
      await print(`perplexity ${before.toFixed(4)} before, ${after.toFixed(4)} after\n`);
    }
  },
};

async function quantizeFile(
  path: string,
  out: string,
  type: string,
  threads: number | undefined,
  signal: AbortSignal,
): Promise<{ size: number; converted: Converted }> {
  const source = await openSource({ path });
  try {
    const { size } = source;
    const parts = source.parts();
    return { size, converted: await writeQuantised({ parts, size, out, type, threads }, signal) };
  } finally {
    await source.close();
  }
}

async function compare(
  before: string,
  after: string,
  text: string,
  args: Arguments,
  signal: AbortSignal,
): Promise<{ before: number; after: number }> {
  const measure = async (path: string): Promise<number> => {
    await using model = await openFile(path, args, signal);
    return (await measurePerplexity(model, text, args, signal)).perplexity;
  };
  return { before: await measure(before), after: await measure(after) };
}
