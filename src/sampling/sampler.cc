// Sampler: checks the options and runs the chain
// bias → penalties → top-k → top-p → min-p → temperature → draw.
#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/str_cat.h"

namespace pipit {
namespace {

template <typename Value>
Status check(bool valid, const char* option, Value value, const char* range) {
  if (valid) return ok_status();
  return {StatusCode::kInvalidArgument,
          str_cat("'", option, "' is ", value, "; it must be ", range, ".")};
}

Status check_biases(std::span<const LogitBias> biases, int32_t n_vocab) {
  for (const LogitBias& bias : biases) {
    if (bias.token < 0 || bias.token >= n_vocab) {
      return {StatusCode::kInvalidArgument,
              str_cat("'logit_bias' names the token ", bias.token,
                      "; the vocabulary has the tokens 0 to ", n_vocab - 1, ".")};
    }
    if (std::isnan(bias.bias)) {
      return {StatusCode::kInvalidArgument,
              str_cat("'logit_bias' of token ", bias.token,
                      " is NaN; it must be a number or -infinity or infinity.")};
    }
  }
  return ok_status();
}

Status check_options(const SamplingOptions& o, int32_t n_vocab) {
  PIPIT_RETURN_IF_ERROR(check(n_vocab > 0, "n_vocab", n_vocab, "at least 1"));
  PIPIT_RETURN_IF_ERROR(check(o.temperature >= 0 && std::isfinite(o.temperature), "temperature",
                              o.temperature, "a finite number of at least 0 (0: greedy)"));
  PIPIT_RETURN_IF_ERROR(check(o.top_k >= 0, "top_k", o.top_k, "at least 0 (0: off)"));
  PIPIT_RETURN_IF_ERROR(
      check(o.top_p > 0 && o.top_p <= 1, "top_p", o.top_p, "above 0 and at most 1 (1: off)"));
  PIPIT_RETURN_IF_ERROR(check(o.min_p >= 0 && o.min_p <= 1, "min_p", o.min_p, "from 0 (off) to 1"));
  PIPIT_RETURN_IF_ERROR(check(o.repeat_penalty > 0 && std::isfinite(o.repeat_penalty),
                              "repeat_penalty", o.repeat_penalty,
                              "a finite number above 0 (1: off)"));
  PIPIT_RETURN_IF_ERROR(check(std::isfinite(o.presence_penalty), "presence_penalty",
                              o.presence_penalty, "a finite number (0: off)"));
  PIPIT_RETURN_IF_ERROR(check(std::isfinite(o.frequency_penalty), "frequency_penalty",
                              o.frequency_penalty, "a finite number (0: off)"));
  PIPIT_RETURN_IF_ERROR(check(o.penalty_last_n >= -1, "penalty_last_n", o.penalty_last_n,
                              "at least -1 (0: no token, -1: all tokens)"));
  return check_biases(o.logit_bias, n_vocab);
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, Penalties penalties)
    : greedy_(options.temperature == 0),
      top_k_(greedy_ ? 1 : static_cast<size_t>(options.top_k)),
      top_p_(options.top_p),
      min_p_(options.min_p),
      temperature_(options.temperature),
      penalties_(std::move(penalties)),
      random_(options.seed) {}

Result<Sampler> Sampler::create(const SamplingOptions& options, int32_t n_vocab) {
  PIPIT_RETURN_IF_ERROR(check_options(options, n_vocab));
  PIPIT_ASSIGN_OR_RETURN(Penalties penalties, Penalties::create(options, n_vocab));
  Sampler sampler(options, std::move(penalties));

  const auto n = static_cast<size_t>(n_vocab);
  if (!sampler.greedy_ && sampler.top_k_ >= n) sampler.top_k_ = 0;
  const size_t n_candidates = sampler.top_k_ == 0 ? n : std::min(2 * sampler.top_k_, n);
  PIPIT_RETURN_IF_ERROR(sampler.bias_.append(options.logit_bias));
  PIPIT_RETURN_IF_ERROR(sampler.logits_.resize(n));
  PIPIT_RETURN_IF_ERROR(sampler.candidates_.resize(n_candidates));
  return sampler;
}

Status Sampler::forbid(int32_t token) { return bias_.push_back({token, -INFINITY}); }

const TopLogits* Sampler::top_logits() {
  if (top_k_ == 0) return nullptr;
  changed_.clear();
  for (const LogitBias& bias : bias_) {
    if (!changed_.push_back(bias.token).ok()) return nullptr;
  }
  if (!penalties_.append_tokens(changed_).ok()) return nullptr;
  std::sort(changed_.begin(), changed_.end());
  changed_.truncate(
      static_cast<size_t>(std::unique(changed_.begin(), changed_.end()) - changed_.begin()));
  top_ = {.k = top_k_, .always = changed_.span()};
  return &top_;
}

Result<int32_t> Sampler::sample(std::span<const float> logits) {
  if (logits.size() != logits_.size()) {
    return Status(StatusCode::kInvalidArgument,
                  str_cat("The sampler got ", logits.size(), " logits; the vocabulary has ",
                          logits_.size(), " tokens."));
  }
  if (!clean_logits(logits, logits_.span())) {
    return Status(StatusCode::kInternal,
                  str_cat("None of the ", logits.size(), " logits is a finite number, so no token ",
                          "can be drawn. The model file may be damaged: download it again, or ",
                          "report this as a bug."));
  }
  add_logit_bias(bias_.span(), logits_.span());
  penalties_.apply(logits_.span());

  std::span<Candidate> candidates = top_k_ == 0 ? all_candidates(logits_.span(), candidates_.span())
                                                : top_k(logits_.span(), top_k_, candidates_.span());
  if (candidates.empty()) {
    return Status(StatusCode::kInvalidArgument,
                  "'logit_bias' and the penalties forbid every token. Allow at least one.");
  }
  if (greedy_) return candidates[0].id;

  // Top-p and min-p judge the model's own probabilities, so the temperature comes after them.
  if (top_p_ < 1 || min_p_ > 0) set_weights(candidates, 1);
  if (top_p_ < 1) candidates = top_p(candidates, top_p_);
  if (min_p_ > 0) candidates = min_p(candidates, min_p_);
  set_weights(candidates, temperature_);
  return draw(candidates, random_);
}

Status Sampler::accept(int32_t token) { return penalties_.accept(token); }

}  // namespace pipit
