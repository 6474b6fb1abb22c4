// What a loaded model consists of.
#pragma once

#include <algorithm>
#include <memory>
#include <span>

#include "base/thread_pool.h"
#include "gguf/gguf.h"
#include "kernels/kernel_set.h"
#include "kernels/stream_choice.h"
#include "model/architecture.h"
#include "model/transformer.h"
#include "pipit/engine.h"
#include "tokenizer/tokenizer.h"

namespace pipit {

// A step of the engine does the work of so many tokens in all layers. Together they take less time
// than two tokens alone, which read every weight anew.
inline constexpr size_t kPartTokens = 4;

// Whether the output head is computed in two steps, learnt from how that went before. Not for
// several threads at once.
class HeadChoice {
 public:
  const HeadCounts& counts() const { return counts_; }

  // Asked before every token that would allow it. Where the sampler's candidates are too many, as
  // they are when the model is unsure, the next tokens do without an attempt: 1, 2, 4 … 32.
  bool tries_two_steps() {
    if (n_to_skip_ == 0) return bounds_hold_;
    --n_to_skip_;
    return false;
  }

  void took(HeadResult result) {
    ++(result == HeadResult::kTwoSteps ? counts_.n_two_step : counts_.n_full);
    // Then the matrix is not what bounds are made for, and none is believed any more.
    if (result == HeadResult::kAboveBound) bounds_hold_ = false;
    if (result == HeadResult::kTwoSteps) n_next_skip_ = 1;
    if (result == HeadResult::kTooMany) {
      n_to_skip_ = n_next_skip_;
      n_next_skip_ = std::min(2 * n_next_skip_, kMostSkips);
    }
  }

 private:
  static constexpr size_t kMostSkips = 32;

  HeadCounts counts_;
  bool bounds_hold_ = true;
  size_t n_to_skip_ = 0;
  size_t n_next_skip_ = 1;
};

struct Model::Parts {
  std::unique_ptr<Gguf> gguf;
  std::unique_ptr<Gguf> tokenizer_file;  // what the caller gave in place of the file's vocabulary
  std::unique_ptr<Tokenizer>
      tokenizer;  // refers to *tokenizer_file, if there is one, else to *gguf
  const KernelSet* kernels = nullptr;
  KvType kv_type = KvType::kF32;  // of the sessions' caches
  std::unique_ptr<ThreadPool> pool;
  mutable StreamChoice streams;  // learns whenever a session computes
  mutable HeadChoice head;       // the same
  const Architecture* architecture = nullptr;
  Config config;
  Weights weights;
  ModelInfo info;
};

// Errors: kInvalidArgument, naming the first token that is not in the vocabulary.
Status check_tokens(std::span<const int32_t> tokens, uint32_t n_vocab);

}  // namespace pipit
