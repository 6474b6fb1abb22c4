// Sampler: logits to the next token, through a chain of small steps.
#pragma once

#include <cstdint>
#include <span>

#include "base/array.h"
#include "pipit/options.h"
#include "pipit/status.h"
#include "sampling/penalties.h"
#include "sampling/random.h"
#include "sampling/steps.h"

namespace pipit {

class Sampler {
 public:
  // Errors: kInvalidArgument (names the option, its value and its range), kOutOfMemory.
  static Result<Sampler> create(const SamplingOptions& options, int32_t n_vocab);

  // From now on `token`, which is in the vocabulary, is never drawn. Errors: kOutOfMemory.
  Status forbid(int32_t token);

  // What sample() looks at, for the logits to be computed no further; valid until the next call of
  // any method. nullptr: at all of them, or there is no memory to say so.
  const TopLogits* top_logits();

  // The next token from `logits` [n_vocab], which are left as they are. NaN counts as -infinity,
  // which is never drawn. Errors: kInternal when no logit is a finite number, kInvalidArgument when
  // there are not n_vocab logits or when the biases and penalties forbid every token.
  Result<int32_t> sample(std::span<const float> logits);

  // Tells the penalties of a token that is now part of the context (prompt or generated).
  // Errors: kInvalidArgument when it is not in the vocabulary, kOutOfMemory.
  Status accept(int32_t token);

 private:
  Sampler(const SamplingOptions& options, Penalties penalties);

  bool greedy_;
  size_t top_k_;  // 0: off
  float top_p_;
  float min_p_;
  float temperature_;
  Array<LogitBias> bias_;
  Penalties penalties_;
  Random random_;
  Array<float> logits_;          // [n_vocab] the clean copy that biases and penalties change
  Array<Candidate> candidates_;  // [min(2 * top_k, n_vocab)], [n_vocab] when top-k is off
  Array<int32_t> changed_;       // tokens with biases or penalties
  TopLogits top_ = {};
};

}  // namespace pipit
