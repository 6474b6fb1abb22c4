// The families that make vectors of texts.
import { type Family, LAYER_NORM } from './family.ts';
import type { MetadataValue } from './gguf_header.ts';
import type { Config } from './json.ts';

/** As all encoders say it. */
function encoderKeys(config: Config): Record<string, MetadataValue> {
  config.expect('is_decoder', false);
  return { 'attention.causal': { type: 'bool', value: false } };
}

export const BERT: Family = {
  arch: 'bert',
  epsilon: LAYER_NORM,
  hasPositions: true,
  leftOut: /^(bert\.)?pooler\.|^cls\.|\.position_ids$/,
  outside: {
    'embeddings.word_embeddings': 'token_embd',
    'embeddings.token_type_embeddings': 'token_types',
    'embeddings.position_embeddings': 'position_embd',
    'embeddings.LayerNorm': 'token_embd_norm',
  },
  modules: {
    'attention.self.query': 'attn_q',
    'attention.self.key': 'attn_k',
    'attention.self.value': 'attn_v',
    'attention.output.dense': 'attn_output',
    'attention.output.LayerNorm': 'attn_output_norm',
    'intermediate.dense': 'ffn_up',
    'output.dense': 'ffn_down',
    'output.LayerNorm': 'layer_output_norm',
  },
  keys(config) {
    config.expect('hidden_act', 'gelu', 'gelu_new');
    config.expect('position_embedding_type', 'absolute');
    return encoderKeys(config);
  },
};

export const NOMIC_BERT: Family = {
  arch: 'nomic-bert',
  fields: {
    hidden_size: 'n_embd',
    num_hidden_layers: 'n_layer',
    num_attention_heads: 'n_head',
    intermediate_size: 'n_inner',
    max_position_embeddings: 'max_trained_positions',
    rope_theta: 'rotary_emb_base',
  },
  epsilon: { ...LAYER_NORM, field: 'layer_norm_epsilon' },
  leftOut: BERT.leftOut,
  outside: {
    'embeddings.word_embeddings': 'token_embd',
    'embeddings.token_type_embeddings': 'token_types',
    emb_ln: 'token_embd_norm',
  },
  modules: {
    'attn.Wqkv': 'attn_qkv',
    'attn.out_proj': 'attn_output',
    norm1: 'attn_output_norm',
    fc11: 'ffn_up',
    fc12: 'ffn_gate',
    fc2: 'ffn_down',
    norm2: 'layer_output_norm',
  },
  keys(config) {
    config.expect('activation_function', 'swiglu');
    config.expect('prenorm', false);
    config.expect('qkv_proj_bias', false);
    config.expect('rotary_emb_fraction', 1);
    config.expect('rotary_emb_interleaved', false);
    return encoderKeys(config);
  },
};
