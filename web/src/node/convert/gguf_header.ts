// A GGUF file's header (the format is in src/gguf/gguf.h), from the metadata and tensors of a converted model.
import type { ElementType } from './safetensors.ts';

export type MetadataValue =
  | { type: 'u32' | 'i32' | 'f32'; value: number }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string }
  | { type: 'i32s' | 'f32s'; value: readonly number[] }
  | { type: 'bools'; value: readonly boolean[] }
  | { type: 'strings'; value: readonly string[] };

export type Metadata = Map<string, MetadataValue>;

export interface HeaderTensor {
  name: string;
  type: ElementType;
  /** As in PyTorch: the length of a row is last. */
  shape: readonly number[];
  bytes: number;
}

/** Of the data, which begin at a multiple of it, as each tensor does. */
export const ALIGNMENT = 32;
const VERSION = 3;
const ARRAY = 9;
const VALUE_TYPES = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8 } as const;
const TENSOR_TYPES: Record<ElementType, number> = { F32: 0, F16: 1, BF16: 30 };

/** Zeros from `position` up to the alignment. */
export function padding(position: number): Uint8Array {
  return new Uint8Array(-position & (ALIGNMENT - 1));
}

/** With the padding in front of the data. */
export function ggufHeader(metadata: Metadata, tensors: readonly HeaderTensor[]): Uint8Array {
  const parts = [Buffer.from('GGUF'), u32(VERSION), u64(tensors.length), u64(metadata.size)];
  for (const [key, value] of metadata) parts.push(string(key), encode(value));
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    const dims = [...shape].reverse();
    parts.push(string(name), u32(dims.length), ...dims.map(u64));
    parts.push(u32(TENSOR_TYPES[type]), u64(offset));
    offset += bytes + padding(bytes).length;
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, padding(header.length)]);
}

function encode(metadata: MetadataValue): Buffer {
  const { type, value } = metadata;
  if (!Array.isArray(value)) {
    const scalar = type as keyof typeof VALUE_TYPES;
    return Buffer.concat([u32(VALUE_TYPES[scalar]), encodeScalar(scalar, value)]);
  }
  const element = type.slice(0, -1) as keyof typeof VALUE_TYPES;
  const head = [u32(ARRAY), u32(VALUE_TYPES[element]), u64(value.length)];
  return Buffer.concat([...head, ...value.map((each) => encodeScalar(element, each))]);
}

function encodeScalar(type: keyof typeof VALUE_TYPES, value: unknown): Buffer {
  switch (type) {
    case 'string':
      return string(value as string);
    case 'bool':
      return Buffer.of(Number(value));
    case 'f32':
      return Buffer.from(Float32Array.of(value as number).buffer);
    case 'i32':
    case 'u32':
      return u32(value as number);
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}
