// Generations from first to last step, and arithmetic of tokens.
#pragma once

#include <vector>

#include "support/sessions.h"

namespace pipit::testing {

using Tokens = std::vector<int32_t>;

struct Outcome {
  Status status;
  size_t n_prompt = 0;
  size_t n_cached = 0;
  Tokens tokens;
  StopReason stop_reason = StopReason::kNone;
};

inline Outcome generate(Session& session, const Tokens& prompt, const GenerateOptions& options) {
  auto generation = Generation::create(session, prompt, options);
  Outcome outcome;
  outcome.status = generation.status();
  if (!generation.ok()) return outcome;
  outcome.n_prompt = (*generation)->n_prompt();
  outcome.n_cached = (*generation)->n_cached();
  while (true) {
    const auto step = (*generation)->step();
    outcome.status = step.status();
    if (!step.ok()) return outcome;
    if (step->phase == GenerationPhase::kDecode) outcome.tokens.push_back(step->token);
    if (step->phase != GenerationPhase::kEnd) continue;
    outcome.stop_reason = step->stop_reason;
    return outcome;
  }
}

inline GenerateOptions greedy(int32_t max_tokens) {
  GenerateOptions options;
  options.max_tokens = max_tokens;
  options.ignore_eos = true;
  options.sampling.temperature = 0;
  return options;
}

inline Tokens slice(const Tokens& tokens, size_t first, size_t last) {
  return {tokens.begin() + static_cast<long>(first), tokens.begin() + static_cast<long>(last)};
}

inline Tokens operator+(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace pipit::testing
