// The sampler's whole chain: options, errors, golden draws and what the order of the steps means.
#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/memory.h"

namespace pipit {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int32_t kVocab = 1000;

// Multiples of 1/4096 in [0, 16), exact in a float.
std::vector<float> scattered_logits() {
  std::vector<float> logits(kVocab);
  for (uint32_t id = 0; id < kVocab; ++id) {
    logits[id] = static_cast<float>((id * 2654435761u) >> 16) / 4096;
  }
  return logits;
}

// `n` tokens, each told to the penalties, all from the same logits.
std::vector<int32_t> generate(const SamplingOptions& options, size_t n) {
  auto sampler = Sampler::create(options, kVocab);
  EXPECT_TRUE(sampler.ok()) << sampler.status().message();
  const std::vector<float> logits = scattered_logits();
  std::vector<int32_t> tokens;
  while (sampler.ok() && tokens.size() < n) {
    const auto token = sampler->sample(logits);
    EXPECT_TRUE(token.ok()) << token.status().message();
    if (!token.ok() || !sampler->accept(*token).ok()) break;
    tokens.push_back(*token);
  }
  return tokens;
}

TEST(Sampler, GoldenDraws) {
  // From an independent chain in Python (float64, a full sort), so that native and Wasm agree with
  // each other and it.
  struct Case {
    const char* name;
    std::function<void(SamplingOptions&)> set;
    std::vector<int32_t> expected;
  };
  const Case cases[] = {
      {"seed 0",
       [](SamplingOptions& o) { o.seed = 0; },
       {254, 542, 754, 576, 165, 131, 576, 110, 453, 597, 144, 377}},
      {"seed 1",
       [](SamplingOptions& o) { o.seed = 1; },
       {775, 110, 864, 199, 775, 144, 377, 199, 453, 487, 974, 364}},
      {"seed 42",
       [](SamplingOptions& o) { o.seed = 42; },
       {754, 199, 398, 597, 131, 919, 165, 453, 542, 864, 398, 55}},
      {"largest seed",
       [](SamplingOptions& o) { o.seed = UINT64_MAX; },
       {487, 919, 720, 542, 487, 165, 809, 919, 631, 254, 665, 377}},
      {"draw alone",
       [](SamplingOptions& o) {
         o.seed = 7, o.temperature = 1, o.top_k = 0, o.top_p = 1, o.min_p = 0;
       },
       {710, 288, 851, 987, 987, 885, 63, 110, 398, 152, 542, 741}},
      {"top-p alone, hot",
       [](SamplingOptions& o) {
         o.seed = 7, o.temperature = 1.5f, o.top_k = 0, o.top_p = 0.9f, o.min_p = 0;
       },
       {707, 288, 846, 987, 987, 880, 63, 110, 398, 152, 542, 741}},
      {"min-p alone",
       [](SamplingOptions& o) {
         o.seed = 7, o.temperature = 1, o.top_k = 0, o.top_p = 1, o.min_p = 0.1f;
       },
       {715, 288, 851, 987, 987, 885, 63, 110, 398, 152, 542, 741}},
      {"top-p and min-p, hotter",
       [](SamplingOptions& o) {
         o.seed = 7, o.temperature = 2, o.top_k = 0, o.top_p = 0.5f, o.min_p = 0.02f;
       },
       {720, 288, 864, 987, 987, 885, 55, 110, 398, 144, 521, 741}},
      {"all penalties",
       [](SamplingOptions& o) {
         o.seed = 7, o.temperature = 0.5f, o.repeat_penalty = 1.5f, o.presence_penalty = 0.5f,
         o.frequency_penalty = 0.25f, o.penalty_last_n = 4;
       },
       {21, 288, 76, 885, 652, 830, 377, 144, 576, 898, 864, 919}},
      {"greedy with a frequency penalty",
       [](SamplingOptions& o) {
         o.temperature = 0, o.frequency_penalty = 0.015625f, o.penalty_last_n = -1;
       },
       {987, 377, 987, 377, 754, 987, 144, 377, 754, 987, 144, 377}},
  };
  for (const Case& c : cases) {
    SamplingOptions options = {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.05f};
    c.set(options);
    EXPECT_EQ(generate(options, c.expected.size()), c.expected) << c.name;
  }
}

TEST(Sampler, OneTokenPossible) {
  struct Case {
    const char* name;
    std::function<void(SamplingOptions&)> set;
    std::vector<float> logits;
    int32_t expected;
  };
  const Case cases[] = {
      {"greedy", [](SamplingOptions& o) { o.temperature = 0; }, {1, 5, 3, 4}, 1},
      {"greedy: the lowest id of equal ones",
       [](SamplingOptions& o) { o.temperature = 0; },
       {1, 5, 5, 5},
       1},
      {"greedy: NaN is ignored",
       [](SamplingOptions& o) { o.temperature = 0; },
       {kNan, -9, kNan, -8},
       3},
      {"greedy: all below zero",
       [](SamplingOptions& o) { o.temperature = 0; },
       {-3, -2, -2, -4},
       1},
      {"greedy: infinity is the largest",
       [](SamplingOptions& o) { o.temperature = 0; },
       {1, 2, kInf, 3},
       2},
      {"greedy: a bias comes first",
       [](SamplingOptions& o) { o.temperature = 0, o.logit_bias = {{3, 2}}; },
       {1, 5, 3, 4},
       3},
      {"greedy: a forbidden token",
       [](SamplingOptions& o) { o.temperature = 0, o.logit_bias = {{1, -kInf}}; },
       {1, 5, 3, 4},
       3},
      {"greedy: top-k, top-p, min-p change nothing",
       [](SamplingOptions& o) { o.temperature = 0, o.top_k = 0, o.top_p = 1, o.min_p = 0; },
       {1, 5, 5, 4},
       1},
      {"top-k of one",
       [](SamplingOptions& o) { o.top_k = 1, o.temperature = 100; },
       {5, 5, 3, 4},
       0},
      {"a small top-p",
       [](SamplingOptions& o) { o.top_p = 0.1f, o.temperature = 100; },
       {1, 5, 4.9f, 4},
       1},
      {"a small top-p without top-k",
       [](SamplingOptions& o) { o.top_k = 0, o.top_p = 0.1f, o.temperature = 100; },
       {1, 5, 4.9f, 4},
       1},
      {"min-p of 1",
       [](SamplingOptions& o) { o.min_p = 1, o.temperature = 100; },
       {1, 5, 4.9f, 4},
       1},
      {"a forced token",
       [](SamplingOptions& o) { o.logit_bias = {{0, kInf}}, o.temperature = 100; },
       {1, 5, 4.9f, 4},
       0},
      {"a bias before top-k",
       [](SamplingOptions& o) { o.top_k = 1, o.logit_bias = {{2, 9}}; },
       {1, 5, 4.9f, 4},
       2},
      {"top-k before top-p: half of {0.5, 0.3} is the first",  // of {0.5, 0.3, 0.2} it would be
                                                               // both
       [](SamplingOptions& o) { o.top_k = 2, o.top_p = 0.6f, o.min_p = 0, o.temperature = 100; },
       {-0.693147f, -1.203973f, -1.609438f, -kInf},
       0},
      {"only one is not forbidden",
       [](SamplingOptions& o) { o.temperature = 100; },
       {kNan, -kInf, -3, kNan},
       2},
      {"the smallest temperature",
       [](SamplingOptions& o) {
         o.temperature = std::numeric_limits<float>::denorm_min(), o.min_p = 0;
       },
       {4.999f, 5, 4.9f, 4},
       1},
  };
  for (const Case& c : cases) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      SamplingOptions options;
      options.seed = seed;
      c.set(options);
      auto sampler = Sampler::create(options, 4);
      ASSERT_TRUE(sampler.ok()) << c.name << ": " << sampler.status().message();
      const auto token = sampler->sample(c.logits);
      ASSERT_TRUE(token.ok()) << c.name << ": " << token.status().message();
      EXPECT_EQ(*token, c.expected) << c.name << ", seed " << seed;
    }
  }
}

TEST(Sampler, TemperatureComesAfterTopP) {
  // At temperature 1 the nucleus of 0.6 is {0, 1}; a hot distribution would be nearly even and let
  // in a third.
  SamplingOptions options;
  options.top_p = 0.6f;
  options.min_p = 0;
  options.temperature = 1000;
  auto sampler = Sampler::create(options, 4);
  ASSERT_TRUE(sampler.ok());
  const std::vector<float> logits = {-0.693147f, -1.203973f, -2.302585f,
                                     -2.302585f};  // 0.5 0.3 0.1 0.1
  int drawn[4] = {};
  for (int i = 0; i < 2000; ++i) ++drawn[*sampler->sample(logits)];
  EXPECT_EQ(drawn[2] + drawn[3], 0);
  EXPECT_NEAR(drawn[0], 1000, 100);
}

TEST(Sampler, LeavesTheLogitsAsTheyAre) {
  SamplingOptions options;
  options.logit_bias = {{1, 5}};
  options.presence_penalty = 1;
  auto sampler = Sampler::create(options, kVocab);
  ASSERT_TRUE(sampler.ok());
  ASSERT_TRUE(sampler->accept(3).ok());
  const std::vector<float> logits = scattered_logits();
  ASSERT_TRUE(sampler->sample(logits).ok());
  EXPECT_EQ(logits, scattered_logits());
}

TEST(Sampler, AllocatesNothingPerToken) {
  SamplingOptions options;
  options.top_k = 0;
  options.repeat_penalty = 1.1f;
  options.logit_bias = {{1, 5}};
  auto sampler = Sampler::create(options, kVocab);
  ASSERT_TRUE(sampler.ok());
  for (int32_t token = 0; token < 64; ++token) ASSERT_TRUE(sampler->accept(token).ok());
  fail_allocation_after(0);
  for (int i = 0; i < 100; ++i) {
    const auto token = sampler->sample(scattered_logits());
    EXPECT_TRUE(token.ok());
    EXPECT_TRUE(sampler->accept(*token).ok());
  }
  fail_allocation_after(-1);
}

TEST(Sampler, ReportsEveryFailedAllocation) {
  SamplingOptions options;
  options.repeat_penalty = 1.1f;
  options.logit_bias = {{1, 5}};
  int n_failed = 0;
  for (int n = 0;; ++n) {
    fail_allocation_after(n);
    const auto sampler = Sampler::create(options, kVocab);
    fail_allocation_after(-1);
    if (sampler.ok()) break;
    EXPECT_EQ(sampler.status().code(), StatusCode::kOutOfMemory);
    ++n_failed;
  }
  EXPECT_EQ(n_failed, 4);  // counts, biases, logits, candidates
}

TEST(Sampler, SampleErrors) {
  struct Case {
    const char* name;
    std::vector<LogitBias> bias;
    std::vector<float> logits;
    StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {"only NaN",
       {},
       {kNan, kNan, kNan},
       StatusCode::kInternal,
       "None of the 3 logits is a finite number"},
      {"only infinities", {}, {kInf, kInf, -kInf}, StatusCode::kInternal, "None of the 3 logits"},
      {"a bias does not hide it",
       {{0, 1}},
       {kNan, kNan, kNan},
       StatusCode::kInternal,
       "None of the 3 logits"},
      {"all forbidden",
       {{0, -kInf}, {2, -kInf}},
       {1, kNan, 3},
       StatusCode::kInvalidArgument,
       "forbid every token"},
      {"too few",
       {},
       {1, 2},
       StatusCode::kInvalidArgument,
       "got 2 logits; the vocabulary has 3 tokens"},
      {"too many",
       {},
       {1, 2, 3, 4},
       StatusCode::kInvalidArgument,
       "got 4 logits; the vocabulary has 3 tokens"},
  };
  for (const Case& c : cases) {
    for (const float temperature : {0.0f, 1.0f}) {
      SamplingOptions options;
      options.logit_bias = c.bias;
      options.temperature = temperature;
      auto sampler = Sampler::create(options, 3);
      ASSERT_TRUE(sampler.ok()) << c.name;
      const auto token = sampler->sample(c.logits);
      EXPECT_EQ(token.status().code(), c.code) << c.name;
      EXPECT_NE(token.status().message().find(c.message), std::string::npos)
          << token.status().message();
    }
  }
}

TEST(Sampler, AcceptErrors) {
  for (const float repeat_penalty : {1.0f, 1.1f}) {
    SamplingOptions options;
    options.repeat_penalty = repeat_penalty;
    auto sampler = Sampler::create(options, 3);
    ASSERT_TRUE(sampler.ok());
    EXPECT_TRUE(sampler->accept(0).ok());
    EXPECT_TRUE(sampler->accept(2).ok());
    for (const int32_t token : {-1, 3, INT32_MIN, INT32_MAX}) {
      const Status status = sampler->accept(token);
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
      EXPECT_NE(status.message().find("tokens 0 to 2"), std::string::npos) << status.message();
    }
  }
}

TEST(Sampler, OptionErrors) {
  struct Case {
    std::function<void(SamplingOptions&)> set;
    const char* message;  // how it begins
  };
  const Case cases[] = {
      {[](SamplingOptions& o) { o.temperature = -0.5f; },
       "'temperature' is -0.5; it must be a finite number of at least 0"},
      {[](SamplingOptions& o) { o.temperature = kInf; }, "'temperature' is inf;"},
      {[](SamplingOptions& o) { o.temperature = kNan; }, "'temperature' is nan;"},
      {[](SamplingOptions& o) { o.top_k = -1; }, "'top_k' is -1; it must be at least 0"},
      {[](SamplingOptions& o) { o.top_p = 0; }, "'top_p' is 0; it must be above 0 and at most 1"},
      {[](SamplingOptions& o) { o.top_p = 1.5f; }, "'top_p' is 1.5;"},
      {[](SamplingOptions& o) { o.top_p = kNan; }, "'top_p' is nan;"},
      {[](SamplingOptions& o) { o.min_p = -0.25f; },
       "'min_p' is -0.25; it must be from 0 (off) to 1"},
      {[](SamplingOptions& o) { o.min_p = 1.25f; }, "'min_p' is 1.25;"},
      {[](SamplingOptions& o) { o.min_p = kNan; }, "'min_p' is nan;"},
      {[](SamplingOptions& o) { o.repeat_penalty = 0; },
       "'repeat_penalty' is 0; it must be a finite number above 0"},
      {[](SamplingOptions& o) { o.repeat_penalty = kInf; }, "'repeat_penalty' is inf;"},
      {[](SamplingOptions& o) { o.repeat_penalty = kNan; }, "'repeat_penalty' is nan;"},
      {[](SamplingOptions& o) { o.presence_penalty = kNan; },
       "'presence_penalty' is nan; it must be a finite number"},
      {[](SamplingOptions& o) { o.presence_penalty = -kInf; }, "'presence_penalty' is -inf;"},
      {[](SamplingOptions& o) { o.frequency_penalty = kNan; },
       "'frequency_penalty' is nan; it must be a finite number"},
      {[](SamplingOptions& o) { o.frequency_penalty = kInf; }, "'frequency_penalty' is inf;"},
      {[](SamplingOptions& o) { o.penalty_last_n = -2; },
       "'penalty_last_n' is -2; it must be at least -1"},
      {[](SamplingOptions& o) { o.logit_bias = {{0, 1}, {1000, 1}}; },
       "'logit_bias' names the token 1000; the vocabulary has the tokens 0 to 999"},
      {[](SamplingOptions& o) { o.logit_bias = {{-1, 1}}; }, "'logit_bias' names the token -1;"},
      {[](SamplingOptions& o) { o.logit_bias = {{7, kNan}}; }, "'logit_bias' of token 7 is NaN;"},
  };
  for (const Case& c : cases) {
    SamplingOptions options;
    c.set(options);
    const auto sampler = Sampler::create(options, kVocab);
    EXPECT_EQ(sampler.status().code(), StatusCode::kInvalidArgument) << c.message;
    EXPECT_TRUE(sampler.status().message().starts_with(c.message)) << sampler.status().message();
  }
  EXPECT_EQ(Sampler::create({}, 0).status().message(), "'n_vocab' is 0; it must be at least 1.");
}

TEST(Sampler, OptionsAtTheirLimits) {
  const std::function<void(SamplingOptions&)> cases[] = {
      [](SamplingOptions& o) { o.temperature = 0; },
      [](SamplingOptions& o) { o.temperature = std::numeric_limits<float>::max(); },
      [](SamplingOptions& o) { o.top_k = INT32_MAX; },
      [](SamplingOptions& o) { o.top_k = kVocab; },
      [](SamplingOptions& o) { o.top_k = kVocab - 1; },
      [](SamplingOptions& o) { o.top_p = std::numeric_limits<float>::denorm_min(); },
      [](SamplingOptions& o) { o.min_p = std::numeric_limits<float>::denorm_min(); },
      [](SamplingOptions& o) { o.repeat_penalty = std::numeric_limits<float>::denorm_min(); },
      [](SamplingOptions& o) { o.repeat_penalty = std::numeric_limits<float>::max(); },
      [](SamplingOptions& o) { o.penalty_last_n = INT32_MAX, o.presence_penalty = 1; },
      [](SamplingOptions& o) { o.logit_bias = {{0, 1}, {kVocab - 1, -1}}; },
  };
  for (const auto& set : cases) {
    SamplingOptions options;
    set(options);
    for (const int32_t token : generate(options, 4)) {
      EXPECT_GE(token, 0);
      EXPECT_LT(token, kVocab);
    }
  }
}

}  // namespace
}  // namespace pipit
