// Penalties: a count of the recent tokens, and what it does to their logits.
#include "sampling/penalties.h"

#include <utility>

#include "base/str_cat.h"
#include "sampling/steps.h"

namespace pipit {

Result<Penalties> Penalties::create(const SamplingOptions& options, int32_t n_vocab) {
  Penalties penalties;
  penalties.n_vocab_ = n_vocab;
  penalties.repeat_ = options.repeat_penalty;
  penalties.presence_ = options.presence_penalty;
  penalties.frequency_ = options.frequency_penalty;
  penalties.last_n_ = options.penalty_last_n;
  if (penalties.active()) {
    PIPIT_RETURN_IF_ERROR(penalties.counts_.resize(static_cast<uint64_t>(n_vocab)));
  }
  return penalties;
}

Status Penalties::accept(int32_t token) {
  if (token < 0 || token >= n_vocab_) {
    return {StatusCode::kInvalidArgument,
            str_cat("Token ", token, " is not in the vocabulary, which has the tokens 0 to ",
                    n_vocab_ - 1, ".")};
  }
  if (!active()) return ok_status();
  if (last_n_ > 0) {
    // The window grows as tokens come: last_n may be far larger than any context.
    if (window_.size() < static_cast<size_t>(last_n_)) {
      PIPIT_RETURN_IF_ERROR(window_.push_back(token));
    } else {
      --counts_[static_cast<size_t>(std::exchange(window_[oldest_], token))];
      oldest_ = (oldest_ + 1) % window_.size();
    }
  }
  ++counts_[static_cast<size_t>(token)];
  return ok_status();
}

Status Penalties::append_tokens(Array<int32_t>& tokens) const {
  for (size_t id = 0; id < counts_.size(); ++id) {
    if (counts_[id] > 0) PIPIT_RETURN_IF_ERROR(tokens.push_back(static_cast<int32_t>(id)));
  }
  return ok_status();
}

void Penalties::apply(std::span<float> logits) const {
  for (size_t id = 0; id < counts_.size(); ++id) {
    if (counts_[id] == 0) continue;
    const float logit = logits[id] > 0 ? logits[id] / repeat_ : logits[id] * repeat_;
    logits[id] = clean_logit(logit - presence_ - frequency_ * static_cast<float>(counts_[id]));
  }
}

}  // namespace pipit
