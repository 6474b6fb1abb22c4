// A transformer's weights, the scratch memory of a forward pass, and the pass.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/array.h"
#include "base/thread_pool.h"
#include "kernels/kernel_set.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/output_head.h"
#include "model/weights.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

// The most tokens of one forward pass.
inline constexpr size_t kMaxBatch = 32;

// A norm's factors, and its biases where a LayerNorm has them; empty where there is no norm.
struct Norm {
  Array<float> weight;
  Array<float> bias;

  bool empty() const { return weight.empty(); }
};

// A matrix and what is added to its products, where it has that.
struct Linear {
  PackedMatrix weight;
  Array<float> bias;  // [weight.n_rows], or empty
};

struct LayerWeights {
  Norm attn_norm;            // [n_embd]
  Linear attn_q;             // [n_head · head_dim, n_embd]
  Linear attn_k;             // [n_head_kv · head_dim, n_embd]
  Linear attn_v;             // [n_head_kv · head_dim_v, n_embd]
  Norm attn_q_norm;          // [head_dim], or [n_head · head_dim] over all heads
  Norm attn_k_norm;          // [head_dim], or [n_head_kv · head_dim]
  Linear attn_output;        // [n_embd, n_head · head_dim_v]
  Norm post_attention_norm;  // [n_embd]
  Norm ffn_norm;             // [n_embd]
  Linear ffn_gate;           // [n_ff, n_embd]
  Linear ffn_up;             // [n_ff, n_embd]
  Linear ffn_down;           // [n_embd, n_ff]
  Norm post_ffw_norm;        // [n_embd]
};

struct Weights {
  PackedMatrix token_embd;     // [n_vocab, n_embd]
  PackedMatrix token_types;    // [n_token_types, n_embd], or empty
  PackedMatrix position_embd;  // [n_ctx_train, n_embd], or empty
  Norm token_embd_norm;        // [n_embd]
  std::vector<LayerWeights> layers;
  Norm output_norm;     // [n_embd]
  PackedMatrix output;  // [n_vocab, n_embd]; empty when token_embd serves as the output head (tied)
  // [n_rot / 2] divisors of the first rope's frequencies, or empty: Llama 3's, and LongRoPE's for
  // contexts of at most Rope::n_ctx_orig positions and for longer ones.
  Array<float> rope_freqs;
  Array<float> rope_factors_short;
  Array<float> rope_factors_long;

  const PackedMatrix& output_head() const { return output.bytes.empty() ? token_embd : output; }
};

// The tensors of a model, bound to their places in `weights`, whose layers exist already.
std::vector<TensorSlot> list_tensors(const Config& config, Weights& weights);

// One of Config::ropes at the positions of a pass.
struct RopeTable {
  Array<float> freq;  // [n_rot / 2] radians a position
  Array<float> cos;   // [n_tokens, n_rot / 2]
  Array<float> sin;   // [n_tokens, n_rot / 2]
};

// Scratch of forward passes over at most kMaxBatch tokens.
struct Workspace {
  Array<float> x;                // [n_tokens, n_embd] the residual stream
  Array<float> h;                // [n_tokens, n_embd] normed, then a block's output
  Array<float> q;                // [n_tokens, n_head · head_dim]
  Array<float> k;                // [n_tokens, n_head_kv · head_dim]
  Array<float> v;                // [n_tokens, n_head_kv · head_dim_v]
  Array<float> attn;             // [n_tokens, n_head · head_dim_v]
  Array<float> gate;             // [n_tokens, n_ff]
  Array<float> up;               // [n_tokens, n_ff]
  std::vector<RopeTable> ropes;  // of Config::ropes
  Array<float> logits;           // [rows asked for, n_vocab]
  Activations activations;
  HeadScratch head;

  // For a sequence of at most n_ctx tokens.
  static Result<Workspace> create(const Config& config, const Weights& weights,
                                  const KernelSet& kernels, size_t n_ctx);
};

// What computes: the kernels that the weights are packed for, and the threads that run them.
struct Compute {
  const KernelSet& kernels;
  ThreadPool& pool;
};

// A forward pass: tokens [n_tokens ≤ kMaxBatch] at positions n_past ….
struct Batch {
  std::span<const int32_t> tokens;
  size_t n_past;
  LogitRows rows;
  const TopLogits* top = nullptr;  // what is wanted of the last token's logits; nullptr: all
};

// Computes the layers first_layer … last_layer - 1 of a pass, so that it may be done in parts:
// before the first layer also the embeddings, behind the last one the logits. Between the parts
// `kv` and `ws` serve nothing else. Appends the keys and values to the cache. Errors: kOutOfMemory,
// of the first part alone; the cache's first n_past positions stay valid.
Status forward(const Config& config, const Weights& weights, const Compute& compute,
               const Batch& batch, size_t first_layer, size_t last_layer, KvCache& kv,
               Workspace& ws);

}  // namespace pipit
