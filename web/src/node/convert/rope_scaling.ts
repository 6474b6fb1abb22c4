// How a model's rope is stretched for long contexts: config.json's rope_scaling as metadata and as factors a frequency.
import { PipitError } from '../../errors.ts';
import { headDim, ropeNumber } from './family.ts';
import type { MetadataValue } from './gguf_header.ts';
import type { Config } from './json.ts';

export interface RopeScaling {
  /** Without the architecture in front. */
  keys: Record<string, MetadataValue>;
  /** Tensors of factors, by their names. */
  factors: Record<string, Float32Array>;
}

const f32 = (value: number): MetadataValue => ({ type: 'f32', value });
const u32 = (value: number): MetadataValue => ({ type: 'u32', value });
const string = (value: string): MetadataValue => ({ type: 'string', value });

type Scale = (scaling: Config, config: Config) => Partial<RopeScaling>;

const SCALINGS: Record<string, Scale> = {
  default: () => ({}),
  linear: (scaling) => ({
    keys: {
      'rope.scaling.type': string('linear'),
      'rope.scaling.factor': f32(scaling.number('factor')),
    },
  }),
  yarn: (scaling, config) => {
    for (const [key, usual] of [
      ['beta_fast', 32],
      ['beta_slow', 1],
    ] as const) {
      scaling.expect(key, usual);
    }
    const factor = scaling.number('factor');
    scaling.expect('attention_factor', null, 0.1 * Math.log(factor) + 1);
    for (const key of ['mscale', 'mscale_all_dim']) scaling.expect(key, null);
    const original = config.number('max_position_embeddings');
    return {
      keys: {
        'rope.scaling.type': string('yarn'),
        'rope.scaling.factor': f32(factor),
        'rope.scaling.original_context_length': u32(
          scaling.number('original_max_position_embeddings', original),
        ),
      },
    };
  },
  llama3: (scaling, config) => ({ factors: { 'rope_freqs.weight': llama3(scaling, config) } }),
  longrope: (scaling, config) => {
    const original = config.number('original_max_position_embeddings');
    const stretch = config.number('max_position_embeddings') / original;
    const magnitude = stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original));
    return {
      keys: { 'rope.scaling.attn_factor': f32(scaling.number('attention_factor', magnitude)) },
      factors: {
        'rope_factors_long.weight': factorList(scaling, 'long_factor'),
        'rope_factors_short.weight': factorList(scaling, 'short_factor'),
      },
    };
  },
};
// The name that LongRoPE had first.
SCALINGS.su = SCALINGS.longrope!;

/** Throws unsupported for a kind that pipit does not know. */
export function ropeScaling(config: Config): RopeScaling {
  const scaling = config.object('rope_parameters') ?? config.object('rope_scaling');
  const nothing = { keys: {}, factors: {} };
  if (!scaling) return nothing;
  const kind = scaling.text('rope_type') ?? scaling.text('type') ?? 'default';
  const scale = Object.hasOwn(SCALINGS, kind) ? SCALINGS[kind] : undefined;
  if (scale) return { ...nothing, ...scale(scaling, config) };
  throw new PipitError(
    'unsupported',
    `config.json stretches the rope by '${kind}', which pipit does not know. It knows: ${Object.keys(SCALINGS).join(', ')}.`,
  );
}

/** Llama 3.1: what slow frequencies are divided by; between fast and slow ones the divisor changes smoothly. */
function llama3(scaling: Config, config: Config): Float32Array {
  const factor = scaling.number('factor', 8);
  const low = scaling.number('low_freq_factor', 1);
  const high = scaling.number('high_freq_factor', 4);
  const original = scaling.number('original_max_position_embeddings', 8192);
  const base = ropeNumber(config, 'rope_theta', 10_000);
  const dim = headDim(config);
  return Float32Array.from({ length: dim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * base ** ((2 * i) / dim);
    const smooth = Math.min(1, Math.max(0, (original / wavelength - low) / (high - low)));
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

function factorList(scaling: Config, key: string): Float32Array {
  const list = scaling.get(key);
  if (Array.isArray(list) && list.every((each) => typeof each === 'number')) {
    return Float32Array.from(list);
  }
  throw new PipitError('invalid_file', `config.json: '${key}' of the rope is no list of numbers.`);
}
