// Log-softmax of a token and of the likeliest tokens.
#include "sampling/logprobs.h"

#include <algorithm>
#include <cmath>

#include "base/str_cat.h"
#include "sampling/portable_exp.h"

namespace pipit {

double log_sum_exp(std::span<const float> logits) {
  float max = -INFINITY;
  for (const float logit : logits) max = std::max(max, clean_logit(logit));
  if (max == -INFINITY) return double{max};
  double sum = 0;
  for (const float logit : logits) sum += double{portable_exp(clean_logit(logit) - max)};
  return double{max} + std::log(sum);
}

double log_probability(std::span<const float> logits, double log_sum, int32_t token) {
  const float logit = clean_logit(logits[static_cast<size_t>(token)]);
  return logit == -INFINITY ? double{logit} : double{logit} - log_sum;
}

Result<LogprobReader> LogprobReader::create(int32_t n_top, int32_t n_vocab) {
  if (n_top < 0 || n_top > kMaxLogprobs) {
    return Status(
        StatusCode::kInvalidArgument,
        str_cat("'logprobs' is ", n_top, "; it must be 0 to ", kMaxLogprobs, ", or -1 for none."));
  }
  LogprobReader reader;
  const auto n = static_cast<size_t>(n_vocab);
  reader.n_top_ = std::min(static_cast<size_t>(n_top), n);
  PIPIT_RETURN_IF_ERROR(reader.clean_.resize(n));
  PIPIT_RETURN_IF_ERROR(reader.candidates_.resize(std::min(2 * reader.n_top_, n)));
  PIPIT_RETURN_IF_ERROR(reader.result_.resize(1 + reader.n_top_));
  return reader;
}

std::span<const TokenLogprob> LogprobReader::read(std::span<const float> logits, int32_t token) {
  const double log_sum = log_sum_exp(logits);
  const auto logprob = [&](int32_t id) {
    return TokenLogprob{id, static_cast<float>(log_probability(logits, log_sum, id))};
  };
  size_t n = 0;
  result_[n++] = logprob(token);
  if (n_top_ > 0) {
    clean_logits(logits, clean_.span());
    for (const Candidate& likely : top_k(clean_.span(), n_top_, candidates_.span())) {
      result_[n++] = logprob(likely.id);
    }
  }
  return result_.span().first(n);
}

}  // namespace pipit
