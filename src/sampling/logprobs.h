// Log-probabilities of tokens: the log-softmax of the logits as the model gives them, before
// biases, penalties and temperature.
#pragma once

#include <cstdint>
#include <span>

#include "base/array.h"
#include "pipit/options.h"
#include "pipit/status.h"
#include "sampling/steps.h"

namespace pipit {

// ln Σ e^logit. NaN counts as -infinity, which is the result where there is nothing else.
double log_sum_exp(std::span<const float> logits);

// ln of the token's probability, given log_sum_exp of the logits; -infinity at probability 0.
double log_probability(std::span<const float> logits, double log_sum, int32_t token);

// The log-probabilities of a token that was drawn and of the likeliest at its place.
class LogprobReader {
 public:
  // Errors: kInvalidArgument (n_top is not 0 … kMaxLogprobs), kOutOfMemory.
  static Result<LogprobReader> create(int32_t n_top, int32_t n_vocab);

  // Of `token`, then of the n_top likeliest (fewer where others have probability 0), best first;
  // valid until the next call. Takes O(n_vocab).
  std::span<const TokenLogprob> read(std::span<const float> logits, int32_t token);

 private:
  size_t n_top_ = 0;
  Array<float> clean_;           // [n_vocab]
  Array<Candidate> candidates_;  // [min(2 * n_top, n_vocab)]
  Array<TokenLogprob> result_;   // [1 + n_top]
};

}  // namespace pipit
