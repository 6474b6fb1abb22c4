// The families that write text, and the table of all.
import { PipitError } from '../../errors.ts';
import { BERT, NOMIC_BERT } from './encoders.ts';
import { type Family, LAYER_NORM, f32, headDim, ropeNumber, rotated, u32 } from './family.ts';
import type { MetadataValue } from './gguf_header.ts';
import type { Config } from './json.ts';

const NORMS_BEHIND = {
  post_attention_layernorm: 'post_attention_norm',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
};

const LLAMA: Family = {
  arch: 'llama',
  permutes: true,
  keys(config) {
    config.expect('hidden_act', 'silu');
    return {};
  },
};

const MISTRAL: Family = {
  ...LLAMA,
  keys(config) {
    config.expect('hidden_act', 'silu');
    const keys: Record<string, MetadataValue> = {};
    const window = config.optional('sliding_window');
    if (window !== undefined) keys['attention.sliding_window'] = u32(window);
    return keys;
  },
};

const QWEN2: Family = {
  arch: 'qwen2',
  defaults: { rms_norm_eps: 1e-6 },
  keys(config) {
    config.expect('hidden_act', 'silu');
    config.expect('use_sliding_window', false);
    return {};
  },
};

const GEMMA2: Family = {
  arch: 'gemma2',
  defaults: { head_dim: 256, rms_norm_eps: 1e-6, tie_word_embeddings: true },
  addsOneToNorms: true,
  modules: NORMS_BEHIND,
  keys(config) {
    config.expect('hidden_activation', 'gelu_pytorch_tanh', 'gelu_fast', 'gelu');
    expectScale(config, 46);
    return {
      'attention.sliding_window': u32(config.number('sliding_window', 4096)),
      attn_logit_softcapping: f32(config.number('attn_logit_softcapping', 50)),
      final_logit_softcapping: f32(config.number('final_logit_softcapping', 30)),
    };
  },
};

const GEMMA3: Family = {
  arch: 'gemma3',
  defaults: {
    vocab_size: 262_208,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
  },
  addsOneToNorms: true,
  modules: NORMS_BEHIND,
  keys(config) {
    config.expect('hidden_activation', 'gelu_pytorch_tanh');
    config.expect('attn_logit_softcapping', null);
    config.expect('final_logit_softcapping', null);
    config.expect('rope_local_base_freq', 10_000);
    config.expect('sliding_window_pattern', 6);
    expectScale(config, 62);
    config.expect('layer_types', windowedExceptEvery(6, config));
    return { 'attention.sliding_window': u32(config.number('sliding_window', 4096)) };
  },
};

/** What config.json calls the layers where each `period`-th sees everything and the others a window. */
function windowedExceptEvery(period: number, config: Config): string[] {
  return Array.from({ length: config.number('num_hidden_layers') }, (_, i) =>
    (i + 1) % period === 0 ? 'full_attention' : 'sliding_attention',
  );
}

/** Scores are divided by the root of a head's length, in the largest model of that of n_embd / n_head. */
function expectScale(config: Config, layersOfLargest: number): void {
  const isLargest = config.number('num_hidden_layers') === layersOfLargest;
  const embedding = config.number('hidden_size') / config.number('num_attention_heads');
  config.expect('query_pre_attn_scalar', isLargest ? embedding : headDim(config));
}

const PHI3: Family = {
  arch: 'phi3',
  defaults: { rms_norm_eps: 1e-5 },
  modules: { qkv_proj: 'attn_qkv', gate_up_proj: 'ffn_up' },
  keys(config) {
    config.expect('hidden_act', 'silu');
    const original = config.number(
      'original_max_position_embeddings',
      config.number('max_position_embeddings'),
    );
    return {
      'rope.dimension_count': u32(rotated(config)),
      'rope.scaling.original_context_length': u32(original),
    };
  },
};

const GRANITE: Family = {
  arch: 'granite',
  defaults: { rms_norm_eps: 1e-6 },
  permutes: true,
  keys(config) {
    config.expect('hidden_act', 'silu');
    return {
      embedding_scale: f32(config.number('embedding_multiplier', 1)),
      residual_scale: f32(config.number('residual_multiplier', 1)),
      'attention.scale': f32(config.number('attention_multiplier', 1)),
      logit_scale: f32(config.number('logits_scaling', 1)),
    };
  },
};

const OLMO2: Family = {
  arch: 'olmo2',
  defaults: { rms_norm_eps: 1e-5 },
  modules: NORMS_BEHIND,
  keys(config) {
    config.expect('hidden_act', 'silu');
    return {};
  },
};

const OLMO3: Family = {
  ...OLMO2,
  keys(config) {
    config.expect('hidden_act', 'silu');
    config.expect('layer_types', windowedExceptEvery(4, config));
    return { 'attention.sliding_window': u32(config.number('sliding_window', 4096)) };
  },
};

const SMOLLM3: Family = {
  arch: 'smollm3',
  defaults: { rope_theta: 2e6, rms_norm_eps: 1e-6, tie_word_embeddings: true },
  permutes: true,
  keys(config) {
    config.expect('hidden_act', 'silu');
    config.expect('use_sliding_window', false);
    config.expect('no_rope_layer_interval', 4);
    return {};
  },
};

const STABLELM: Family = {
  arch: 'stablelm',
  defaults: { partial_rotary_factor: 0.25, layer_norm_eps: 1e-5 },
  epsilon: LAYER_NORM,
  keys(config) {
    config.expect('hidden_act', 'silu');
    config.expect('use_parallel_residual', false);
    config.expect('qk_layernorm', false);
    return {
      use_parallel_residual: { type: 'bool', value: false },
      'rope.dimension_count': u32(rotated(config)),
    };
  },
};

/** By what config.json calls `architectures`. */
const FAMILIES: Record<string, Family> = {
  LlamaForCausalLM: LLAMA,
  MistralForCausalLM: MISTRAL,
  Qwen2ForCausalLM: QWEN2,
  Qwen3ForCausalLM: { ...QWEN2, arch: 'qwen3', defaults: { ...QWEN2.defaults, head_dim: 128 } },
  Gemma2ForCausalLM: GEMMA2,
  Gemma3ForCausalLM: GEMMA3,
  Gemma3ForConditionalGeneration: GEMMA3,
  Phi3ForCausalLM: PHI3,
  GraniteForCausalLM: GRANITE,
  Olmo2ForCausalLM: OLMO2,
  Olmo3ForCausalLM: OLMO3,
  SmolLM3ForCausalLM: SMOLLM3,
  StableLmForCausalLM: STABLELM,
  BertModel: BERT,
  BertForMaskedLM: BERT,
  NomicBertModel: NOMIC_BERT,
};

/** Throws unsupported for another architecture, naming those that there are. */
export function familyOf(config: Config): Family {
  const architectures = config.get('architectures');
  const name = Array.isArray(architectures) ? String(architectures[0]) : '';
  const family = Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : undefined;
  if (family) return family;
  throw new PipitError(
    'unsupported',
    `config.json names the architecture '${name}', which pipit does not convert. It converts: ${Object.keys(FAMILIES).join(', ')}.`,
  );
}

const RMS_EPSILON = { field: 'rms_norm_eps', key: 'attention.layer_norm_rms_epsilon' };

/** What all families have. */
export function commonKeys(family: Family, config: Config): Record<string, MetadataValue> {
  const { field, key } = family.epsilon ?? RMS_EPSILON;
  const nHead = config.count('num_attention_heads');
  const dim = headDim(config);
  return {
    vocab_size: u32(config.count('vocab_size')),
    context_length: u32(config.count('max_position_embeddings')),
    embedding_length: u32(config.count('hidden_size')),
    block_count: u32(config.count('num_hidden_layers')),
    feed_forward_length: u32(config.count('intermediate_size')),
    'attention.head_count': u32(nHead),
    'attention.head_count_kv': u32(config.count('num_key_value_heads', nHead)),
    'attention.key_length': u32(dim),
    'attention.value_length': u32(dim),
    ...(family.hasPositions
      ? {}
      : {
          'rope.dimension_count': u32(dim),
          'rope.freq_base': f32(ropeNumber(config, 'rope_theta', 10_000)),
        }),
    [key]: f32(config.number(field, 1e-6)),
  };
}
