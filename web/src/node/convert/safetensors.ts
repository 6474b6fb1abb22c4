// The tensors of a Hugging Face folder: the headers of its .safetensors files, one or several. A file is the length of a
// JSON object (u64), the object, then the tensors' data.
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { PipitError } from '../../errors.ts';
import { readJson } from './json.ts';

export type ElementType = 'F32' | 'F16' | 'BF16';

export const ELEMENT_BYTES: Record<ElementType, number> = { F32: 4, F16: 2, BF16: 2 };

/** Where a tensor lies. */
export interface SafeTensor {
  name: string;
  type: ElementType;
  shape: readonly number[];
  path: string;
  offset: number;
  bytes: number;
}

const MAX_HEADER_BYTES = 1 << 27;
const INDEX = 'model.safetensors.index.json';

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Throws not_found, invalid_file, truncated, and unsupported for elements that are no floats. */
export async function readSafetensors(folder: string): Promise<SafeTensor[]> {
  const tensors: SafeTensor[] = [];
  for (const name of await filesOf(folder)) {
    tensors.push(...(await readHeader(join(folder, name))));
  }
  return tensors;
}

async function filesOf(folder: string): Promise<string[]> {
  const index = await readJson(join(folder, INDEX));
  const map = index?.weight_map;
  if (map) return [...new Set(Object.values(map as Record<string, string>))].sort();
  const files = (await readdir(folder)).sort();
  const found = files.filter((name) => name.endsWith('.safetensors'));
  if (found.includes('model.safetensors')) return ['model.safetensors'];
  if (found.length === 1) return found;
  const pickled = files.find((name) => /\.(bin|pth?|ckpt)$/.test(name));
  throw new PipitError(
    'not_found',
    `${folder} has no model.safetensors and no ${INDEX}.` +
      (pickled ? ` pipit does not read ${pickled}: save the model as safetensors first.` : ''),
  );
}

async function readHeader(path: string): Promise<SafeTensor[]> {
  const damaged = (what: string): PipitError =>
    new PipitError('invalid_file', `${path}: ${what}. Download it again.`);
  let file;
  try {
    file = await open(path);
  } catch (error) {
    throw new PipitError('not_found', `There is no file ${path}.`, error);
  }
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(8);
    const { bytesRead } = await file.read(head, 0, 8, 0);
    const length = bytesRead === 8 ? Number(head.readBigUInt64LE()) : Infinity;
    if (length > Math.min(size, MAX_HEADER_BYTES)) throw damaged('it is no safetensors file');
    const text = Buffer.alloc(length);
    await file.read(text, 0, length, 8);
    let header: Record<string, HeaderEntry>;
    try {
      header = JSON.parse(text.toString()) as Record<string, HeaderEntry>;
    } catch {
      throw damaged('its header is no JSON');
    }
    delete header.__metadata__;
    return Object.entries(header).map(([name, { dtype, shape, data_offsets }]) => {
      if (!(dtype in ELEMENT_BYTES)) {
        throw new PipitError(
          'unsupported',
          `The tensor '${name}' of ${path} is ${dtype}. pipit converts F32, F16 and BF16: take the original model, not a quantised one.`,
        );
      }
      const type = dtype as ElementType;
      const [begin, end] = data_offsets;
      const bytes = shape.reduce((n, dimension) => n * dimension, ELEMENT_BYTES[type]);
      if (end - begin !== bytes)
        throw damaged(`the tensor '${name}' has not the size of its shape`);
      const offset = 8 + length + begin;
      if (offset + bytes > size) {
        throw new PipitError(
          'truncated',
          `${path} has ${size} bytes, but its tensor '${name}' ends at byte ${offset + bytes}. Download it again.`,
        );
      }
      return { name, type, shape, path, offset, bytes };
    });
  } finally {
    await file.close();
  }
}
