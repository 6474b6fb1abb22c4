// Config: the hyper-parameters of a model, read from GGUF metadata and checked before anything is
// sized by them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/kernel_set.h"
#include "model/hyper_parameters.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

// How RoPE's frequencies are stretched for contexts beyond the one the model was first trained for.
enum class RopeScaling : uint8_t { kNone, kLinear, kYarn };

// RoPE as some of the layers have it.
struct Rope {
  float freq_base = 10000;
  RopeScaling scaling = RopeScaling::kNone;
  float factor = 1;         // of the scaling; > 0
  uint32_t n_ctx_orig = 0;  // the context before it was stretched
  float magnitude = 1;      // factor of all cosines and sines
};

struct LayerConfig {
  static constexpr uint32_t kNoRope = UINT32_MAX;
  uint32_t rope = 0;      // in Config::ropes, or kNoRope (Kazemnejad et al. 2023)
  uint32_t n_window = 0;  // positions that a token sees, the last of them its own; 0: all
};

// In what the families differ beside numbers; the first of each is llama's.
enum class NormKind : uint8_t { kRms, kLayer };
// Of attention and feed-forward; kAfterSum: of the residual stream once their output is added.
enum class NormPlaces : uint8_t { kBefore, kAfter, kBoth, kAfterSum };
enum class QkNorm : uint8_t { kNone, kHeads, kAll };  // each head by itself, or all together
enum class Gate : uint8_t { kSilu, kGelu };

struct Traits {
  NormKind norm = NormKind::kRms;
  NormPlaces norm_places = NormPlaces::kBefore;
  QkNorm qk_norm = QkNorm::kNone;
  Gate gate = Gate::kSilu;
  RopePairs rope_pairs = RopePairs::kNeighbours;
  // Of the cache unless told otherwise: kInt8 only where its KL divergence was measured and is low.
  KvType kv_type = KvType::kF16;
  bool needs_qkv_bias = false;  // any family may have biases; this one must
  bool fuses_qkv = false;       // one tensor for queries, keys and values
  bool fuses_gate = false;      // one tensor for gate and up
  bool has_gate = true;         // else the activation is of W_up h alone
  bool has_positions = false;   // learnt embeddings of positions, and no rope
  // Tokens see all others, embeddings of types are added to theirs and the sum is normed, and there
  // is no output head: such a model makes embeddings of texts, and no text.
  bool is_encoder = false;
};

struct Config {
  Traits traits;
  uint32_t n_layer = 0;
  uint32_t n_embd = 0;
  uint32_t n_head = 0;
  uint32_t n_head_kv = 0;   // divides n_head (GQA)
  uint32_t head_dim = 0;    // of queries and keys
  uint32_t head_dim_v = 0;  // of values
  uint32_t n_rot = 0;       // leading elements of a head that RoPE turns
  uint32_t n_ff = 0;
  uint32_t n_vocab = 0;
  uint32_t n_ctx_train = 0;
  float norm_eps = 0;
  float embedding_scale = 1;
  float attention_scale = 0;    // of q·k; 1 / sqrt(head_dim) unless the family says otherwise
  float attention_softcap = 0;  // 0: none
  float residual_scale = 1;     // of what a block adds to the residual stream
  float logit_scale = 1;
  float logit_softcap = 0;          // 0: none
  uint32_t n_token_types = 0;       // of an encoder; all tokens have the first type
  bool is_causal = true;            // tokens see those before them alone
  std::optional<Pooling> pooling;   // none: the file does not say
  std::vector<Rope> ropes;          // at least one
  std::vector<LayerConfig> layers;  // [n_layer]

  uint32_t n_embd_q() const { return n_head * head_dim; }
  uint32_t n_embd_k() const { return n_head_kv * head_dim; }
  uint32_t n_embd_v() const { return n_head_kv * head_dim_v; }
  uint32_t n_embd_attn() const { return n_head * head_dim_v; }
  bool makes_text() const { return is_causal && !traits.is_encoder; }
  // The longest window of the layers that have one; 0: none has.
  uint32_t n_window() const;
};

// The limits of what a config may ask for; the largest real models of this size stay well below.
inline constexpr uint32_t kMaxLayers = 512;
inline constexpr uint32_t kMaxHeads = 1024;
inline constexpr uint32_t kMaxWidth = 1u << 17;  // n_embd, n_ff
inline constexpr uint32_t kMaxVocab = 1u << 22;
inline constexpr uint32_t kMaxContext = 1u << 20;

// The hyper-parameters that all families share, with the same rope and no window in all layers.
// Errors: kInvalidFile (missing or contradictory), kLimitExceeded, kUnsupported (a feature, named).
Result<Config> read_config(const HyperParameters& parameters, const Traits& traits);

}  // namespace pipit
