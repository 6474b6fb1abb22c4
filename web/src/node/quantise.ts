// A GGUF file's bytes through the quantiser into another file: what `quantize` and `convert` have in common.
import { type FileHandle, realpath, stat } from 'node:fs/promises';

import type { QuantisedTensor } from '../engine.ts';
import { PipitError, cancelledError } from '../errors.ts';
import { startEngine } from '../start_engine.ts';
import type { CliOption } from './arguments.ts';
import { formatBytes, formatCount, formatTable, formatText } from './format.ts';
import { loadModule } from './modules.ts';
import { Progress } from './terminal.ts';
import { writeWhole } from './whole_file.ts';

/** The names are those of QuantiseTarget in src/quant/quantise_plan.cc. */
export const TYPE_OPTION: CliOption = {
  name: 'type',
  kind: 'string',
  value: 'TYPE',
  help: 'Q4_0, Q4_1, Q8_0, Q4_K, Q6_K, F16, BF16 or F32',
};

export const FORCE_OPTION: CliOption = {
  name: 'force',
  kind: 'flag',
  help: 'replace OUT where it exists',
};

export interface Conversion {
  /** A GGUF file's bytes in order; a part may be overwritten when the next one is asked for. */
  parts: AsyncIterable<Uint8Array>;
  /** Of all parts, in bytes. */
  size: number;
  out: string;
  type: string;
  threads: number | undefined;
}

export interface Converted {
  tensors: QuantisedTensor[];
  /** Of OUT. */
  bytes: number;
}

/** Throws invalid_argument unless OUT may be written: it is none of what is read, and new unless `force`. */
export async function checkOutput(out: string, input: string, force: boolean): Promise<void> {
  const existing = await stat(out).catch(() => null);
  if (!existing) return;
  if (existing.isDirectory()) {
    throw new PipitError('invalid_argument', `OUT, ${out}, is a folder. Give a file's name.`);
  }
  const isInput = (await realpath(out)) === (await realpath(input).catch(() => null));
  if (isInput) {
    throw new PipitError(
      'invalid_argument',
      `IN and OUT are one file, ${out}. Choose another OUT.`,
    );
  }
  if (force) return;
  throw new PipitError('invalid_argument', `${out} exists already. --force replaces it.`);
}

/** OUT has its name only when it is whole. Throws what the quantiser throws, io, and cancelled. */
export async function writeQuantised(
  { parts, size, out, type, threads: wished }: Conversion,
  signal: AbortSignal,
): Promise<Converted> {
  const { engine, threads } = await startEngine({ kernels: 'auto', threads: wished }, loadModule);
  const quantiser = engine.newQuantiser({ fileSize: size, type, nThreads: threads });
  const converted: Converted = { tensors: [], bytes: 0 };
  const progress = new Progress(`writing ${out}`);
  const write = async (file: FileHandle): Promise<void> => {
    let read = 0;
    for await (const part of parts) {
      if (signal.aborted) throw cancelledError(`Writing ${out}`, signal.reason);
      const bytes = quantiser.feed(part);
      await file.writeFile(bytes);
      converted.bytes += bytes.length;
      progress.update((read += part.length), size);
    }
    converted.tensors = quantiser.end();
  };
  try {
    await writeWhole(out, write);
  } finally {
    progress.end();
  }
  return converted;
}

/** One row for the tensors of a kind that have become the same. */
export function conversionTable({ tensors }: Converted): string {
  const groups = Object.values(
    Object.groupBy(tensors, ({ name, from, to }) => `${kindOf(name)} ${from} ${to}`),
  );
  const rows = groups.map((group = []) => {
    const { name, from, to, wanted, row } = group[0]!;
    const bytes = group.reduce((sum, tensor) => sum + tensor.bytes, 0);
    const note =
      to === wanted ? '' : `rows of ${formatCount(row)} are not whole blocks of ${wanted}`;
    return [
      formatText(kindOf(name)),
      formatCount(group.length),
      from,
      to,
      formatBytes(bytes),
      note,
    ];
  });
  return formatTable([['Tensors', '>Number', 'From', 'To', '>Size', ''], ...rows]);
}

/** A tensor's name without its layer. */
function kindOf(name: string): string {
  return name.replace(/^blk\.\d+\./, 'blk.*.');
}
