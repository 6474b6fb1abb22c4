// A family: what its config.json and its tensors' names say in GGUF's words, where that differs from llama.
import type { MetadataValue } from './gguf_header.ts';
import type { Config } from './json.ts';

export interface Family {
  /** general.architecture. */
  arch: string;
  /** What llama's fields of config.json are called here. */
  fields?: Record<string, string>;
  /** Fields that config.json may leave out, as transformers fills them in. */
  defaults?: Record<string, unknown>;
  /** Rows of queries and keys change places: RoPE turns neighbours here, halves of a head there. */
  permutes?: boolean;
  /** Norms are stored as what is to be added to 1. */
  addsOneToNorms?: boolean;
  /** In place of RMSNorm's. */
  epsilon?: { field: string; key: string };
  /** Modules whose names mean something else than in llama. */
  modules?: Record<string, string>;
  /** All modules outside the layers, in place of llama's. Where there are any, each must have its weights. */
  outside?: Record<string, string>;
  /** Modules that are of no use for what pipit does with the family. */
  leftOut?: RegExp;
  /** There is no rope. */
  hasPositions?: boolean;
  /** The family's own keys, without the architecture in front. */
  keys?(config: Config): Record<string, MetadataValue>;
}

export const f32 = (value: number): MetadataValue => ({ type: 'f32', value });
export const u32 = (value: number): MetadataValue => ({ type: 'u32', value });

/** Length of a head. */
export function headDim(config: Config): number {
  return config.count(
    'head_dim',
    config.number('hidden_size') / config.number('num_attention_heads'),
  );
}

export function rotated(config: Config): number {
  return Math.floor(headDim(config) * ropeNumber(config, 'partial_rotary_factor', 1));
}

/** A field of the rope: in transformers 5 in an object of their own, before that among the others. */
export function ropeNumber(config: Config, key: string, fallback: number): number {
  const parameters = config.object('rope_parameters');
  return parameters?.optional(key) ?? config.optional(key) ?? fallback;
}

export const LAYER_NORM = { field: 'layer_norm_eps', key: 'attention.layer_norm_epsilon' };
