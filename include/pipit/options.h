// The options of pipit's calls, with their defaults and meanings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pipit {

struct LoadOptions {
  // Kernel set: "auto" (the fastest that works here), "relaxed" (its faster form), "relaxed-i16",
  // "relaxed-i32", "simd128", "reference".
  std::string kernels = "auto";
  // What the KV cache stores: "f32", "f16", "int8", or "auto": int8 for the llama
  // family, f16 for the others.
  std::string kv_type = "auto";
  uint32_t n_threads = 1;  // 1 … 64 in all, the calling one among them
};

// What a generation does when its session's context is full.
enum class WhenFull {
  kStop,   // it ends
  kSlide,  // the session drops the older half of its tokens behind the first keep_tokens
};

struct SessionOptions {
  uint32_t n_ctx = 0;  // context size in tokens; 0: what the model was trained for
  WhenFull when_full = WhenFull::kStop;
  int32_t keep_tokens = 0;  // tokens at the beginning that sliding never drops, at most n_ctx - 2
};

// Which of the tokens just computed leave their logits.
enum class LogitRows { kNone, kLast, kAll };

// Of a token's logits those that a sampler looks at: all of the `k` largest, k ≥ 1, whatever
// becomes of the tokens in `always`, and those of these tokens, sorted, each once.
struct TopLogits {
  size_t k;
  std::span<const int32_t> always;
};

// How often the output head was computed in two steps for a TopLogits, and how often in full.
struct HeadCounts {
  uint64_t n_two_step = 0;
  uint64_t n_full = 0;
};

// How the vectors of a text's tokens become one: their mean, the first one's, or the last one's.
enum class Pooling : uint8_t { kMean, kCls, kLast };

struct EmbedOptions {
  std::optional<Pooling> pooling = {};  // none: as the model's file says
};

struct EncodeOptions {
  bool add_special = true;  // begin with BOS where the model wants it
  // Text such as "<|im_end|>" becomes the control token; never for user text.
  bool parse_special = false;
  // Begin with a space where the model wants it; not for a text that goes on from another.
  bool add_space_prefix = true;
};

struct LogitBias {
  int32_t token;
  float bias;  // added to the token's logit; -infinity forbids it
};

// A token's log-probability: the log-softmax of the logits before penalties and temperature.
struct TokenLogprob {
  int32_t token;
  float logprob;
};

// A chain: bias → penalties → top-k → top-p → min-p → temperature → draw (llama.cpp's order).
struct SamplingOptions {
  // 0: greedy. Small models wander when it is high; SmolLM2's authors advise 0.2 and top-p 0.9.
  float temperature = 0.2f;
  int32_t top_k = 40;   // 0: off
  float top_p = 0.9f;   // 1: off
  float min_p = 0.05f;  // 0: off
  // Divides the positive logits of recent tokens, multiplies negative ones. 1: off.
  float repeat_penalty = 1.0f;
  float presence_penalty = 0.0f;   // subtracted once from the logit of every recent token
  float frequency_penalty = 0.0f;  // subtracted once an occurrence
  // How many recent tokens the penalties look at. 0: none, -1: the whole context.
  int32_t penalty_last_n = 64;
  uint64_t seed = 0;  // the same seed, prompt and options give the same text
  std::vector<LogitBias> logit_bias = {};
};

inline constexpr int32_t kMaxLogprobs = 20;

struct GenerateOptions {
  int32_t max_tokens = -1;             // -1: until the model stops or the context is full
  std::vector<std::string> stop = {};  // generation ends before the first of these strings (UTF-8)
  bool ignore_eos = false;             // end-of-generation tokens are never drawn (benchmarks)
  // Log-probabilities of every token and of this many of the likeliest at its place, 0 …
  // kMaxLogprobs; -1: none.
  int32_t logprobs = -1;
  SamplingOptions sampling = {};
};

}  // namespace pipit
