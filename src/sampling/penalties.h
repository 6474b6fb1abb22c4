// Penalties: makes the tokens that were used recently less (or more) likely.
#pragma once

#include <cstdint>
#include <span>

#include "base/array.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

class Penalties {
 public:
  // Reads the penalty options, which are valid. Errors: kOutOfMemory.
  static Result<Penalties> create(const SamplingOptions& options, int32_t n_vocab);

  // Remembers `token`; it is forgotten after penalty_last_n further ones. Errors: kInvalidArgument
  // when it is not in the vocabulary, kOutOfMemory.
  Status accept(int32_t token);

  // Appends the remembered tokens whose logits apply() changes, each once. Errors: kOutOfMemory.
  Status append_tokens(Array<int32_t>& tokens) const;

  // For every remembered token of `logits` [n_vocab]: divides a positive logit by repeat_penalty
  // and multiplies another one (Keskar et al. 2019, CTRL, as llama.cpp reads it), then subtracts
  // presence_penalty once and frequency_penalty once an occurrence. The logits are clean (see
  // steps.h) before and after.
  void apply(std::span<float> logits) const;

 private:
  Penalties() = default;

  bool active() const {
    return last_n_ != 0 && (repeat_ != 1.0f || presence_ != 0.0f || frequency_ != 0.0f);
  }

  int32_t n_vocab_ = 0;
  float repeat_ = 1.0f;
  float presence_ = 0.0f;
  float frequency_ = 0.0f;
  int32_t last_n_ = 0;      // -1: all
  Array<uint32_t> counts_;  // [n_vocab] how often each token is remembered; empty when not active
  Array<int32_t> window_;   // [≤ last_n] a ring once it is full; empty when last_n is -1
  size_t oldest_ = 0;       // in window_, once it is full
};

}  // namespace pipit
