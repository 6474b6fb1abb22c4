// What tests of sessions share: tiny models, prompts, and logits of a sequence computed afresh.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel_set.h"
#include "pipit/engine.h"
#include "support/tiny_llama.h"

namespace pipit::testing {

inline std::shared_ptr<const Model> tiny_model(const std::string& kernels = "auto",
                                               const std::string& kv_type = "auto") {
  auto model = load_bytes(TinyLlama().file(), 0, {.kernels = kernels, .kv_type = kv_type});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *model : nullptr;
}

inline std::vector<int32_t> some_tokens(size_t n) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>(i * 37 % 90));
  return tokens;
}

inline std::vector<std::pair<const KernelSet*, const char*>> sets_and_kv_types() {
  std::vector<std::pair<const KernelSet*, const char*>> pairs;
  for (const KernelSet* set : all_kernel_sets()) {
    for (const char* kv_type : {"f32", "f16", "int8"}) pairs.emplace_back(set, kv_type);
  }
  return pairs;
}

// Appends all tokens in passes of at most max_batch(), the last one with its last row of logits.
inline void append_all(Session& session, std::span<const int32_t> tokens) {
  while (!tokens.empty()) {
    const size_t n = std::min(Session::max_batch(), tokens.size());
    ASSERT_TRUE(session.append(tokens.first(n), LogitRows::kLast).ok());
    tokens = tokens.subspan(n);
  }
}

inline std::vector<float> logits_of(const Session& session) {
  return {session.logits().begin(), session.logits().end()};
}

// The logits behind `tokens` in a new session.
inline std::vector<float> fresh_logits(const std::shared_ptr<const Model>& model,
                                       std::span<const int32_t> tokens) {
  auto session = Session::create(model, {.n_ctx = static_cast<uint32_t>(tokens.size())});
  append_all(**session, tokens);
  return logits_of(**session);
}

}  // namespace pipit::testing
