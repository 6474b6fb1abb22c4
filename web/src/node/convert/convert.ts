// A Hugging Face folder as the bytes of a GGUF file, whose tensors are as they were: the quantiser makes of them what is
// wanted.
import { basename, join, resolve } from 'node:path';

import { PipitError } from '../../errors.ts';
import { commonKeys, familyOf } from './families.ts';
import type { Family } from './family.ts';
import { type Metadata, type MetadataValue, ggufHeader, padding } from './gguf_header.ts';
import { Config, type Json, isObject, readJson } from './json.ts';
import { poolingKeys } from './pooling.ts';
import { ropeScaling } from './rope_scaling.ts';
import { type ElementType, readSafetensors } from './safetensors.ts';
import { type ConvertedTensor, computedTensor, convertTensors } from './tensors.ts';
import { readTokenizer } from './tokenizer.ts';

export interface ConvertedFolder {
  /** In bytes, of all parts. */
  size: number;
  /** What most of the weights are. */
  type: ElementType;
  parts(): AsyncIterable<Uint8Array>;
}

/** Throws not_found, invalid_file, truncated and unsupported, naming what is missing or not known. */
export async function convertFolder(folder: string): Promise<ConvertedFolder> {
  const json = await readJson(join(folder, 'config.json'));
  if (!json) {
    throw new PipitError(
      'not_found',
      `${folder} is no folder of a Hugging Face model: it has no config.json.`,
    );
  }
  const family = familyOf(new Config(json));
  const config = new Config({ ...family.defaults, ...named(family, json), ...textConfig(json) });
  config.expect('quantization_config', null);

  const scaling = ropeScaling(config);
  const tensors = [
    ...convertTensors(await readSafetensors(folder), family, config),
    ...Object.entries(scaling.factors).map(([name, values]) => computedTensor(name, values)),
  ];
  const embeddings = tensors.find(({ name }) => name === 'token_embd.weight')!;
  const nVocab = embeddings.shape[0]!;

  const keys = {
    ...commonKeys(family, config),
    ...family.keys?.(config),
    ...scaling.keys,
    ...(await poolingKeys(folder)),
  };
  keys.vocab_size = { type: 'u32', value: nVocab };
  const metadata: Metadata = new Map<string, MetadataValue>([
    ['general.architecture', { type: 'string', value: family.arch }],
    ['general.name', { type: 'string', value: basename(resolve(folder)) }],
    ...Object.entries(keys).map(([key, value]) => [`${family.arch}.${key}`, value] as const),
    ...(await readTokenizer(folder, nVocab)),
    ...tokenTypes(tensors),
  ]);
  return { ...fileOf(metadata, tensors), type: embeddings.type };
}

/** Of an encoder, how many types of tokens there are. */
function tokenTypes(tensors: readonly ConvertedTensor[]): [string, MetadataValue][] {
  const types = tensors.find(({ name }) => name === 'token_types.weight');
  if (!types) return [];
  return [['tokenizer.ggml.token_type_count', { type: 'u32', value: types.shape[0]! }]];
}

/** The fields under llama's names as well. */
function named(family: Family, json: Json): Json {
  const others = Object.entries(family.fields ?? {}).map(([name, theirs]) => [name, json[theirs]]);
  return { ...json, ...(Object.fromEntries(others) as Json) };
}

/** Where the text model is one of several, its fields stand in an object of their own. */
function textConfig(json: Json): Json {
  return isObject(json.text_config) ? json.text_config : {};
}

function fileOf(
  metadata: Metadata,
  tensors: readonly ConvertedTensor[],
): Pick<ConvertedFolder, 'size' | 'parts'> {
  const header = ggufHeader(metadata, tensors);
  const size = tensors.reduce(
    (sum, { bytes }) => sum + bytes + padding(bytes).length,
    header.length,
  );
  return {
    size,
    async *parts() {
      yield header;
      for (const tensor of tensors) {
        yield* tensor.parts();
        yield padding(tensor.bytes);
      }
    },
  };
}
