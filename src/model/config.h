// Config: the hyper-parameters of a model, read from GGUF metadata and checked before anything is
// sized by them.
#pragma once

#include <cstdint>
#include <string_view>

#include "gguf/gguf.h"
#include "pipit/status.h"

namespace pipit {

// How RoPE's frequencies are stretched for contexts beyond the one the model was first trained for.
enum class RopeScaling { kNone, kLinear, kYarn };

struct Config {
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
  float rms_norm_eps = 0;
  float rope_freq_base = 0;
  RopeScaling rope_scaling = RopeScaling::kNone;
  float rope_factor = 1;    // of the scaling; > 0
  uint32_t n_ctx_orig = 0;  // YaRN: the context before it was stretched

  uint32_t n_embd_q() const { return n_head * head_dim; }
  uint32_t n_embd_k() const { return n_head_kv * head_dim; }
  uint32_t n_embd_v() const { return n_head_kv * head_dim_v; }
  uint32_t n_embd_attn() const { return n_head * head_dim_v; }
};

// The limits of what a config may ask for; the largest real models of this size stay well below.
inline constexpr uint32_t kMaxLayers = 512;
inline constexpr uint32_t kMaxHeads = 1024;
inline constexpr uint32_t kMaxWidth = 1u << 17;  // n_embd, n_ff
inline constexpr uint32_t kMaxVocab = 1u << 22;
inline constexpr uint32_t kMaxContext = 1u << 20;

// Reads `<architecture>.*` for the families that share these keys.
// Errors: kInvalidFile (missing or contradictory), kLimitExceeded, kUnsupported (a feature, named).
Result<Config> read_config(const Gguf& gguf, std::string_view architecture);

}  // namespace pipit
