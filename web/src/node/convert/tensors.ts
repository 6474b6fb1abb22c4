// A folder's tensors under GGUF's names, and their bytes as GGUF has them.
import { open } from 'node:fs/promises';

import { PipitError } from '../../errors.ts';
import { type Family, headDim } from './family.ts';
import type { HeaderTensor } from './gguf_header.ts';
import type { Config } from './json.ts';
import { ELEMENT_BYTES, type ElementType, type SafeTensor } from './safetensors.ts';

/** A tensor of the file to be written. */
export interface ConvertedTensor extends HeaderTensor {
  /** Its bytes, in parts that are valid until the next one is asked for. */
  parts(): AsyncIterable<Uint8Array>;
}

const PART_BYTES = 1 << 20;

const OUTSIDE_LAYERS: Record<string, string> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
};

const MODULES: Record<string, string> = {
  input_layernorm: 'attn_norm',
  q_proj: 'attn_q',
  k_proj: 'attn_k',
  v_proj: 'attn_v',
  o_proj: 'attn_output',
  q_norm: 'attn_q_norm',
  k_norm: 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  gate_proj: 'ffn_gate',
  up_proj: 'ffn_up',
  down_proj: 'ffn_down',
};

/** Tensors that say nothing that is not in config.json, or belong to another part of the model than its text. */
const LEFT_OUT = /\.rotary_emb\.inv_freq$|^(model\.)?(vision_tower|multi_modal_projector)\./;

/** Throws unsupported for a tensor that the family does not have, invalid_file for layers that lack one. */
export function convertTensors(
  tensors: readonly SafeTensor[],
  family: Family,
  config: Config,
): ConvertedTensor[] {
  const isTied = config.flag('tie_word_embeddings');
  const converted: ConvertedTensor[] = [];
  for (const tensor of tensors) {
    if (LEFT_OUT.test(tensor.name) || family.leftOut?.test(tensor.name)) continue;
    const name = ggufName(tensor.name, family);
    if (name === 'output.weight' && isTied) continue;
    converted.push(convert(tensor, name, family, config));
  }
  checkComplete(converted, family, config);
  return converted.sort((a, b) => layerOf(a.name) - layerOf(b.name));
}

function ggufName(original: string, family: Family): string {
  // Where a text model is a part of one that also sees, or of one with a head.
  const name = original
    .replace(/^language_model\.|^model\.language_model\.|^bert\./, '')
    .replace(/^(?=layers\.|embed_tokens\.|norm\.)/, 'model.');
  const [, path = '', kind = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const [, layer, module = ''] =
    /^(?:model|encoder)\.layers?\.(\d+)\.(?:(?:self_attn|mlp)\.)?([\w.]+)$/.exec(path) ?? [];
  const found =
    layer === undefined
      ? lookUp(family.outside ?? OUTSIDE_LAYERS, path)
      : lookUp({ ...MODULES, ...family.modules }, module);
  if (found === undefined) {
    throw new PipitError(
      'unsupported',
      `The tensor '${original}' is not of the architecture ${family.arch} as pipit runs it.`,
    );
  }
  return layer === undefined ? `${found}.${kind}` : `blk.${layer}.${found}.${kind}`;
}

function lookUp(table: Record<string, string>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function convert(
  tensor: SafeTensor,
  name: string,
  family: Family,
  config: Config,
): ConvertedTensor {
  const { type, shape, bytes } = tensor;
  if (family.addsOneToNorms && name.endsWith('norm.weight')) {
    const n = bytes / ELEMENT_BYTES[type];
    const parts = (): AsyncIterable<Uint8Array> => onePlus(tensor);
    return { name, type: 'F32', shape, bytes: n * ELEMENT_BYTES.F32, parts };
  }
  if (family.permutes && /\.attn_[qk]\./.test(name)) {
    return { name, type, shape, bytes, parts: () => permuted(tensor, headDim(config)) };
  }
  return { name, type, shape, bytes, parts: () => bytesOf(tensor, PART_BYTES) };
}

/** A tensor that is computed. */
export function computedTensor(name: string, values: Float32Array): ConvertedTensor {
  const bytes = new Uint8Array(values.buffer);
  return {
    name,
    type: 'F32',
    shape: [values.length],
    bytes: bytes.length,
    parts: async function* () {
      yield bytes;
    },
  };
}

/** In the order of a pass: embeddings, layers, head. */
function layerOf(name: string): number {
  if (/^(token|position)_/.test(name)) return -1;
  return Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? Infinity);
}

function checkComplete(
  tensors: readonly ConvertedTensor[],
  { outside }: Family,
  config: Config,
): void {
  const names = new Set(tensors.map(({ name }) => name));
  const always = outside ? Object.values(outside) : ['token_embd', 'output_norm'];
  const nLayer = config.count('num_hidden_layers');
  const inLayers = new Set<string>();
  for (const name of names) {
    const [, layer, rest] = /^blk\.(\d+)\.(.*)$/.exec(name) ?? [];
    if (layer === undefined) continue;
    if (Number(layer) >= nLayer) {
      throw new PipitError(
        'invalid_file',
        `There is a tensor of layer ${layer}, but config.json says that there are ${nLayer} layers.`,
      );
    }
    inLayers.add(rest!);
  }
  const check = (name: string): void => {
    if (names.has(name)) return;
    throw new PipitError(
      'invalid_file',
      `The model has no tensor for ${name}. Are all of its .safetensors files there?`,
    );
  };
  for (const name of always) check(`${name}.weight`);
  for (const rest of inLayers) for (let i = 0; i < nLayer; i++) check(`blk.${i}.${rest}`);
}

/** A tensor's bytes as they are, `partBytes` at a time. Throws io. */
async function* bytesOf(tensor: SafeTensor, partBytes: number): AsyncGenerator<Uint8Array> {
  const { path, offset, bytes } = tensor;
  const file = await open(path);
  try {
    const buffer = new Uint8Array(Math.min(partBytes, bytes));
    for (let done = 0; done < bytes;) {
      const wanted = Math.min(buffer.length, bytes - done);
      const { bytesRead } = await file.read(buffer, 0, wanted, offset + done);
      if (bytesRead !== wanted) throw new Error('it ends too early');
      yield buffer.subarray(0, wanted);
      done += wanted;
    }
  } catch (error) {
    throw PipitError.from(error, 'io', `${path} cannot be read: `);
  } finally {
    await file.close();
  }
}

/**
 * RoPE turns element i of a head's first half with element i of its second; in these families of GGUF they are
 * neighbours. So of each head's rows, row i and row dim / 2 + i come one after the other.
 */
async function* permuted(tensor: SafeTensor, dim: number): AsyncGenerator<Uint8Array> {
  const rowBytes = tensor.bytes / tensor.shape[0]!;
  const out = new Uint8Array(dim * rowBytes);
  for await (const head of bytesOf(tensor, dim * rowBytes)) {
    for (let row = 0; row < dim; row++) {
      const from = (row % 2) * (dim / 2) + (row >> 1);
      out.set(head.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
    }
    yield out;
  }
}

async function* onePlus(tensor: SafeTensor): AsyncGenerator<Uint8Array> {
  for await (const part of bytesOf(tensor, PART_BYTES)) {
    const values = toFloats(part, tensor.type).map((value) => value + 1);
    yield new Uint8Array(values.buffer);
  }
}

function toFloats(bytes: Uint8Array, type: ElementType): Float32Array<ArrayBuffer> {
  const { buffer } = bytes.slice();
  if (type === 'F32') return new Float32Array(buffer);
  const words = new Uint16Array(buffer);
  if (type === 'F16') return Float32Array.from(words, halfToFloat);
  return new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer);
}

function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
