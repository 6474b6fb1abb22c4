// A transformer's weights, the scratch memory of a forward pass, and the table of architecture
// families.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/array.h"
#include "base/thread_pool.h"
#include "kernels/kernel_set.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/weights.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

// The most tokens of one forward pass.
inline constexpr size_t kMaxBatch = 32;

struct LayerWeights {
  Array<float> attn_norm;    // [n_embd]
  PackedMatrix attn_q;       // [n_head · head_dim, n_embd]
  PackedMatrix attn_k;       // [n_head_kv · head_dim, n_embd]
  PackedMatrix attn_v;       // [n_head_kv · head_dim_v, n_embd]
  PackedMatrix attn_output;  // [n_embd, n_head · head_dim_v]
  Array<float> ffn_norm;     // [n_embd]
  PackedMatrix ffn_gate;     // [n_ff, n_embd]
  PackedMatrix ffn_up;       // [n_ff, n_embd]
  PackedMatrix ffn_down;     // [n_embd, n_ff]
};

struct Weights {
  PackedMatrix token_embd;  // [n_vocab, n_embd]
  std::vector<LayerWeights> layers;
  Array<float> output_norm;  // [n_embd]
  PackedMatrix output;  // [n_vocab, n_embd]; empty when token_embd serves as the output head (tied)
  Array<float> rope_freqs;  // [n_rot / 2] divisors of RoPE's frequencies (Llama 3), or empty

  const PackedMatrix& output_head() const { return output.bytes.empty() ? token_embd : output; }
};

// Scratch of forward passes over at most kMaxBatch tokens.
struct Workspace {
  Array<float> x;          // [n_tokens, n_embd] the residual stream
  Array<float> h;          // [n_tokens, n_embd] normed, then a block's output
  Array<float> q;          // [n_tokens, n_head · head_dim]
  Array<float> k;          // [n_tokens, n_head_kv · head_dim]
  Array<float> v;          // [n_tokens, n_head_kv · head_dim_v]
  Array<float> attn;       // [n_tokens, n_head · head_dim_v]
  Array<float> gate;       // [n_tokens, n_ff]
  Array<float> up;         // [n_tokens, n_ff]
  Array<float> rope_freq;  // [n_rot / 2] radians a position
  Array<float> rope_cos;   // [n_tokens, n_rot / 2]
  Array<float> rope_sin;   // [n_tokens, n_rot / 2]
  Array<float> logits;     // [rows asked for, n_vocab]
  Activations activations;

  static Result<Workspace> create(const Config& config, const Weights& weights,
                                  const KernelSet& kernels);
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
};

struct Architecture {
  const char* name;  // general.architecture
  Result<Config> (*read_config)(const Gguf& gguf, std::string_view architecture);
  // The tensors that the family has, bound to their places in `weights`, whose layers exist
  // already.
  std::vector<TensorSlot> (*tensors)(const Config& config, Weights& weights);
  // Computes the layers first_layer … last_layer - 1 of a pass, so that it may be done in parts:
  // before the first layer also the embeddings, behind the last one the logits. Between the parts
  // `kv` and `ws` serve nothing else. Appends the keys and values to the cache. Errors:
  // kOutOfMemory, of the first part alone; the cache's first n_past positions stay valid.
  Status (*forward)(const Config& config, const Weights& weights, const Compute& compute,
                    const Batch& batch, size_t first_layer, size_t last_layer, KvCache& kv,
                    Workspace& ws);
};

// The family of that name. Errors: kUnsupported, which lists the families that work.
Result<const Architecture*> find_architecture(std::string_view name);

}  // namespace pipit
