// pipit inspect: what a GGUF file holds, also one that pipit cannot run.
import type { ModelDescription } from '../../index.ts';
import { type Command, modelFile } from '../command.ts';
import { formatBytes, formatCount, formatLines, formatTable, formatText } from '../format.ts';
import { inspectModel } from '../index.ts';
import { print, printJson } from '../terminal.ts';

const CHAT_TEMPLATE = 'tokenizer.chat_template';
const VALUE_WIDTH = 72;

export const inspect: Command = {
  name: 'inspect',
  usage: 'MODEL',
  summary:
    'Shows metadata (architecture, hyper-parameters, tokenizer), chat template and tensors of a GGUF file.\n' +
    'Reads only its header, and works for models that pipit cannot run too.',
  options: [],
  async run(args, signal) {
    const name = args.takeModel();
    args.expectNoMore();
    const path = await modelFile(name, signal);
    const description = await inspectModel(path, { signal });
    if (args.flag('json')) await printJson(description);
    else await print(report(path, description));
  },
};

function report(path: string, description: ModelDescription): string {
  const { version, alignment, fileSize, metadata, tensors } = description;
  const parameters = tensors.reduce(
    (sum, { shape }) => sum + shape.reduce((n, dimension) => n * dimension, 1),
    0,
  );
  const template = metadata.find(({ key }) => key === CHAT_TEMPLATE)?.value;
  return [
    `${path}: GGUF version ${version}, ${formatBytes(fileSize)}, ${formatCount(tensors.length)} tensors, ` +
      `${formatCount(parameters)} parameters, alignment ${alignment}\n`,
    metadataTable(description),
    `Chat template\n${typeof template === 'string' ? `${formatLines(template)}\n` : 'none\n'}`,
    typeTable(description),
    tensorTable(description),
  ].join('\n');
}

function metadataTable({ metadata }: ModelDescription): string {
  const rows = metadata
    .filter(({ key }) => key !== CHAT_TEMPLATE)
    .map(({ key, type, value, length }) => {
      const shown =
        length === undefined ? String(value) : `${formatCount(length)} × ${JSON.stringify(value)}`;
      return [formatText(key), type, formatText(shown, VALUE_WIDTH)];
    });
  return formatTable([['Metadata', 'Type', 'Value'], ...rows]);
}

function typeTable({ tensors }: ModelDescription): string {
  const groups = Object.entries(Object.groupBy(tensors, ({ type }) => type)).map(
    ([type, group = []]) => {
      const bytes = group.reduce((sum, tensor) => sum + tensor.bytes, 0);
      return [type, formatCount(group.length), formatCount(bytes)];
    },
  );
  return formatTable([['Type', '>Tensors', '>Bytes'], ...groups]);
}

function tensorTable({ tensors }: ModelDescription): string {
  const rows = tensors.map(({ name, type, shape, bytes, offset }) => [
    formatText(name),
    type,
    shape.join(' × '),
    formatCount(bytes),
    formatCount(offset),
  ]);
  return formatTable([['Tensor', 'Type', 'Shape', '>Bytes', '>Offset'], ...rows]);
}
