// pipit convert: a Hugging Face folder as a GGUF file.
import type { Command } from '../command.ts';
import { convertFolder } from '../convert/convert.ts';
import { formatBytes, formatMs } from '../format.ts';
import {
  FORCE_OPTION,
  TYPE_OPTION,
  checkOutput,
  conversionTable,
  writeQuantised,
} from '../quantise.ts';
import { print, printJson } from '../terminal.ts';

export const convert: Command = {
  name: 'convert',
  usage: 'FOLDER OUT',
  summary:
    'Writes the model of a Hugging Face folder (config.json, tokenizer.json or tokenizer.model, *.safetensors) as the\n' +
    'GGUF file OUT.',
  options: [
    { ...TYPE_OPTION, help: `${TYPE_OPTION.help} (default: what the weights are)` },
    FORCE_OPTION,
    { name: 'threads', kind: 'integer', value: 'N', help: 'threads (default: as in chat)' },
  ],
  details: 'Which tensors get which TYPE is what pipit quantize --help says.',
  async run(args, signal) {
    const folder = args.take('FOLDER', 'Give the path of a Hugging Face folder.');
    const out = args.take('OUT', 'Give the path of the file to write.');
    args.expectNoMore();
    await checkOutput(out, folder, args.flag('force'));

    const start = performance.now();
    const model = await convertFolder(folder);
    const { size } = model;
    const type = args.string('type') ?? model.type;
    const threads = args.number('threads');
    const parts = model.parts();
    const converted = await writeQuantised({ parts, size, out, type, threads }, signal);
    const took = performance.now() - start;

    if (args.flag('json')) return await printJson({ out, type, ...converted });
    await print(
      `${out}: ${type}, ${formatBytes(converted.bytes)}, ${formatMs(took)}\n${conversionTable(converted)}`,
    );
  },
};
