// Writes tiny GGUF headers: just enough to be refused for the right reason.
import { Buffer } from 'node:buffer';

const U32 = 4;
const STRING = 8;

export interface GgufParts {
  version?: number;
  metadata?: Record<string, string | number>;
  tensors?: { name: string; type: number; dims: number[] }[];
  /** Zeros behind the header. */
  dataBytes?: number;
}

export function gguf({
  version = 3,
  metadata = {},
  tensors = [],
  dataBytes = 0,
}: GgufParts): Buffer {
  const pairs = Object.entries(metadata);
  const parts = [Buffer.from('GGUF'), u32(version), u64(tensors.length), u64(pairs.length)];
  for (const [key, value] of pairs) {
    const isText = typeof value === 'string';
    parts.push(text(key), u32(isText ? STRING : U32), isText ? text(value) : u32(value));
  }
  for (const { name, type, dims } of tensors) {
    parts.push(text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(0));
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, Buffer.alloc(-header.length & 31), Buffer.alloc(dataBytes)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}
