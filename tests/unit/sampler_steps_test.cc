// Each step of the sampler's chain alone: tables with expectations computed by hand, and a plain
// oracle for selection.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "sampling/penalties.h"
#include "sampling/portable_exp.h"
#include "sampling/steps.h"

namespace pipit {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();

std::vector<int32_t> ids_of(std::span<const Candidate> candidates) {
  std::vector<int32_t> ids;
  ids.reserve(candidates.size());
  for (const Candidate& candidate : candidates) ids.push_back(candidate.id);
  return ids;
}

// Candidates with the ids 0, 1, … and the natural logarithms of `probabilities` as logits.
std::vector<Candidate> candidates_of(const std::vector<double>& probabilities) {
  std::vector<Candidate> candidates;
  candidates.reserve(probabilities.size());
  for (const double p : probabilities) {
    candidates.push_back(
        {static_cast<int32_t>(candidates.size()), static_cast<float>(std::log(p)), 0});
  }
  set_weights(candidates, 1);
  return candidates;
}

// `n` logits that are multiples of `step` within ±8, so that many are equal.
std::vector<float> random_logits(size_t n, float step, Random& random) {
  std::vector<float> logits(n);
  for (float& logit : logits) {
    logit = std::round(static_cast<float>(random.uniform() * 16 - 8) / step) * step;
  }
  return logits;
}

std::vector<Candidate> sorted_candidates(const std::vector<float>& logits) {
  std::vector<Candidate> sorted;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -kInf) sorted.push_back({static_cast<int32_t>(i), logits[i], 0});
  }
  std::sort(sorted.begin(), sorted.end(), [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  return sorted;
}

TEST(SamplerSteps, PortableExp) {
  EXPECT_EQ(portable_exp(0), 1.0f);
  EXPECT_EQ(portable_exp(-0.0f), 1.0f);
  EXPECT_EQ(portable_exp(-87.5f), 0.0f);
  EXPECT_EQ(portable_exp(-kMax), 0.0f);
  EXPECT_EQ(portable_exp(-kInf), 0.0f);
  for (int i = 0; i <= 87 * 512; ++i) {
    const float x = static_cast<float>(-i) / 512;
    const double expected = std::exp(double{x});
    ASSERT_LE(std::abs(portable_exp(x) - expected), expected * 0x1p-23) << x;
  }
}

TEST(SamplerSteps, PortableExpHasTheSameBitsEverywhere) {
  struct Case {
    float x;
    float expected;
  };
  const Case cases[] = {
      {-0.0009765625f, 0x1.ff801p-1f},
      {-0.100000001f, 0x1.cf46dap-1f},
      {-0.346573591f, 0x1.6a09e6p-1f},
      {-0.5f, 0x1.368b3p-1f},
      {-1, 0x1.78b564p-2f},
      {-2.30258489f, 0x1.9999ap-4f},
      {-10, 0x1.7cd79cp-15f},
      {-20.75f, 0x1.0ba06cp-30f},
      {-50.2999992f, 0x1.5979cap-73f},
      {-87, 0x1.666d0ep-126f},
  };
  for (const Case& c : cases) EXPECT_EQ(portable_exp(c.x), c.expected) << c.x;
}

TEST(SamplerSteps, CleanLogits) {
  struct Case {
    const char* name;
    std::vector<float> logits;
    std::vector<float> expected;
    bool any_finite;
  };
  const Case cases[] = {
      {"numbers stay", {1, -2.5f, 0}, {1, -2.5f, 0}, true},
      {"NaN is ignored", {kNan, 1, -kNan}, {-kInf, 1, -kInf}, true},
      {"infinities", {kInf, -kInf, 3}, {kMax, -kInf, 3}, true},
      {"the largest float stays", {kMax, -kMax}, {kMax, -kMax}, true},
      {"only NaN", {kNan, kNan}, {-kInf, -kInf}, false},
      {"only infinities", {kInf, -kInf}, {kMax, -kInf}, false},
      {"the finite one comes last", {kNan, kInf, 0}, {-kInf, kMax, 0}, true},
  };
  for (const Case& c : cases) {
    std::vector<float> cleaned(c.logits.size(), 99);
    EXPECT_EQ(clean_logits(c.logits, cleaned), c.any_finite) << c.name;
    EXPECT_EQ(cleaned, c.expected) << c.name;
  }
}

TEST(SamplerSteps, LogitBias) {
  struct Case {
    const char* name;
    std::vector<LogitBias> biases;
    std::vector<float> expected;  // from the logits {1, -2, 0, -infinity}
  };
  const Case cases[] = {
      {"none", {}, {1, -2, 0, -kInf}},
      {"up and down", {{0, 0.5f}, {1, -1}}, {1.5f, -3, 0, -kInf}},
      {"several for one token add up", {{2, 1}, {2, 2}}, {1, -2, 3, -kInf}},
      {"forbidden", {{0, -kInf}}, {-kInf, -2, 0, -kInf}},
      {"forced", {{1, kInf}}, {1, kMax, 0, -kInf}},
      {"forced beside forbidden is forbidden", {{3, kInf}}, {1, -2, 0, -kInf}},
      {"the sum stays a float", {{0, kMax}, {0, kMax}}, {kMax, -2, 0, -kInf}},
  };
  for (const Case& c : cases) {
    std::vector<float> logits = {1, -2, 0, -kInf};
    add_logit_bias(c.biases, logits);
    EXPECT_EQ(logits, c.expected) << c.name;
  }
}

TEST(SamplerSteps, Penalties) {
  struct Case {
    const char* name;
    float repeat, presence, frequency;
    int32_t last_n;
    std::vector<int32_t> tokens;
    std::vector<float> expected;  // from the logits {4, -4, 0, 2, -infinity}
  };
  const Case cases[] = {
      {"off", 1, 0, 0, 64, {0, 1, 2}, {4, -4, 0, 2, -kInf}},
      {"nothing said", 2, 1, 1, 64, {}, {4, -4, 0, 2, -kInf}},
      {"repeat divides and multiplies", 2, 0, 0, 64, {0, 1, 2}, {2, -8, 0, 2, -kInf}},
      {"repeat counts a token once", 2, 0, 0, 64, {0, 0, 0}, {2, -4, 0, 2, -kInf}},
      {"repeat below 1 favours", 0.5f, 0, 0, 64, {0, 1}, {8, -2, 0, 2, -kInf}},
      {"presence, once a token", 1, 1.5f, 0, 64, {0, 0, 1}, {2.5f, -5.5f, 0, 2, -kInf}},
      {"frequency, once an occurrence", 1, 0, 0.5f, 64, {0, 0, 0, 1}, {2.5f, -4.5f, 0, 2, -kInf}},
      {"negative ones favour", 1, -1, -0.5f, 64, {0, 0}, {6, -4, 0, 2, -kInf}},
      {"all: repeat first", 2, 1, 0.5f, 64, {0, 0, 1}, {0, -9.5f, 0, 2, -kInf}},
      {"a window of none", 2, 1, 1, 0, {0, 1, 2}, {4, -4, 0, 2, -kInf}},
      {"a window of one", 1, 1, 0, 1, {0, 1, 3}, {4, -4, 0, 1, -kInf}},
      {"a window of two", 1, 0, 1, 2, {0, 0, 0, 3, 0}, {3, -4, 0, 1, -kInf}},
      {"a window of three, gone round twice",
       1,
       0,
       1,
       3,
       {0, 1, 2, 3, 0, 1, 3, 3},
       {4, -5, 0, 0, -kInf}},
      {"a window of all", 1, 0, 1, -1, {0, 1, 0, 3, 0}, {1, -5, 0, 1, -kInf}},
      {"a window beyond all memory", 1, 0, 1, INT32_MAX, {0, 0, 3}, {2, -4, 0, 1, -kInf}},
      {"the forbidden stay forbidden", 2, -kMax, -kMax, 64, {4, 4}, {4, -4, 0, 2, -kInf}},
      {"too much stays a float", 1, -kMax, -kMax, 64, {0}, {kMax, -4, 0, 2, -kInf}},
  };
  for (const Case& c : cases) {
    SamplingOptions options;
    options.repeat_penalty = c.repeat;
    options.presence_penalty = c.presence;
    options.frequency_penalty = c.frequency;
    options.penalty_last_n = c.last_n;
    auto penalties = Penalties::create(options, 5);
    ASSERT_TRUE(penalties.ok()) << c.name;
    for (const int32_t token : c.tokens) ASSERT_TRUE(penalties->accept(token).ok()) << c.name;
    std::vector<float> logits = {4, -4, 0, 2, -kInf};
    penalties->apply(logits);
    EXPECT_EQ(logits, c.expected) << c.name;
  }
}

TEST(SamplerSteps, AllCandidates) {
  const std::vector<float> logits = {-kInf, 2, -1, -kInf, -kMax};
  std::vector<Candidate> storage(5);
  const auto all = all_candidates(logits, storage);
  EXPECT_EQ(ids_of(all), (std::vector<int32_t>{1, 2, 4}));
  EXPECT_EQ(all[0].logit, 2);
  EXPECT_EQ(all[2].logit, -kMax);
}

TEST(SamplerSteps, TopK) {
  struct Case {
    const char* name;
    std::vector<float> logits;
    size_t k;
    std::vector<int32_t> expected;
  };
  const Case cases[] = {
      {"the best", {1, 3, 2}, 1, {1}},
      {"the lowest id of equal ones", {1, 3, 3, 3}, 1, {1}},
      {"zeros of both signs are equal", {-0.0f, 0.0f}, 1, {0}},
      {"best first", {1, 3, 2, 4}, 3, {3, 1, 2}},
      {"equal ones by id", {2, 2, 5, 2, 2}, 3, {2, 0, 1}},
      {"rising", {1, 2, 3, 4, 5, 6, 7}, 2, {6, 5}},
      {"falling", {7, 6, 5, 4, 3, 2, 1}, 2, {0, 1}},
      {"all", {1, 3, 2}, 3, {1, 2, 0}},
      {"more than there are", {1, 3, 2}, 9, {1, 2, 0}},
      {"the forbidden are left out", {-kInf, 1, -kInf, 2}, 3, {3, 1}},
      {"nothing is left", {-kInf, -kInf}, 1, {}},
      {"the smallest float counts", {-kInf, -kMax}, 2, {1}},
  };
  for (const Case& c : cases) {
    std::vector<Candidate> storage(std::min(2 * c.k, c.logits.size()));
    const auto best = top_k(c.logits, c.k, storage);
    EXPECT_EQ(ids_of(best), c.expected) << c.name;
    for (const Candidate& b : best)
      EXPECT_EQ(b.logit, c.logits[static_cast<size_t>(b.id)]) << c.name;
  }
}

TEST(SamplerSteps, TopKAgreesWithSorting) {
  Random random(1);
  for (const float step : {4.0f, 0.5f, 0.001f}) {
    for (const size_t n : {1, 2, 10, 100, 3000}) {
      std::vector<float> logits = random_logits(n, step, random);
      for (size_t i = 0; i < n; i += 7) logits[i] = -kInf;
      std::vector<Candidate> expected = sorted_candidates(logits);
      for (const size_t k : {1, 2, 3, 40, 1000, 1500, 2999, 3000}) {
        std::vector<Candidate> storage(std::min(2 * k, n));
        std::vector<Candidate> first(
            expected.begin(),
            expected.begin() + static_cast<ptrdiff_t>(std::min(k, expected.size())));
        EXPECT_EQ(ids_of(top_k(logits, k, storage)), ids_of(first)) << n << " " << k << " " << step;
      }
    }
  }
}

TEST(SamplerSteps, Weights) {
  struct Case {
    const char* name;
    std::vector<float> logits;
    float temperature;
    std::vector<double> expected;
  };
  const Case cases[] = {
      {"one", {-5}, 1, {1}},
      {"relative to the best", {1, 3, 2}, 1, {0.1353352832, 1, 0.3678794412}},
      {"cold", {1, 3, 2}, 0.5f, {0.01831563889, 1, 0.1353352832}},
      {"hot", {1, 3, 2}, 2, {0.3678794412, 1, 0.6065306597}},
      {"the smallest temperature", {1, 3, 3}, std::numeric_limits<float>::denorm_min(), {0, 1, 1}},
      {"the largest temperature", {1, 3, -9}, kMax, {1, 1, 1}},
      {"the largest logits", {kMax, -kMax, kMax}, 1, {1, 0, 1}},
  };
  for (const Case& c : cases) {
    std::vector<Candidate> candidates;
    candidates.reserve(c.logits.size());
    for (const float logit : c.logits) candidates.push_back({0, logit, 99});
    set_weights(candidates, c.temperature);
    for (size_t i = 0; i < candidates.size(); ++i) {
      EXPECT_NEAR(candidates[i].weight, c.expected[i], 1e-6) << c.name;
    }
  }
}

TEST(SamplerSteps, TopP) {
  struct Case {
    const char* name;
    std::vector<double> probabilities;
    float p;
    std::vector<int32_t> expected;
  };
  const Case cases[] = {
      {"one candidate", {1}, 0.5f, {0}},
      {"the best alone", {0.2, 0.5, 0.3}, 0.4f, {1}},
      {"the one that crosses p belongs to it", {0.2, 0.3, 0.5}, 0.6f, {1, 2}},
      {"in their order", {0.3, 0.2, 0.4, 0.1}, 0.6f, {0, 2}},
      {"all", {0.2, 0.5, 0.3}, 0.9f, {0, 1, 2}},
      {"at least one", {0.2, 0.5, 0.3}, 1e-9f, {1}},
      {"equal ones by id", {0.25, 0.25, 0.25, 0.25}, 0.6f, {0, 1, 2}},
      {"exactly reached", {0.25, 0.25, 0.25, 0.25}, 0.5f, {0, 1}},
      {"the sum need not be 1", {2, 5, 3}, 0.6f, {1, 2}},
      {"nearly 1", {0.5, 0.25, 0.25}, 0.99999994f, {0, 1, 2}},
      {"a weight of 0 is never needed", {1, 1e-44}, 0.99999994f, {0}},
  };
  for (const Case& c : cases) {
    std::vector<Candidate> candidates = candidates_of(c.probabilities);
    EXPECT_EQ(ids_of(top_p(candidates, c.p)), c.expected) << c.name;
  }
}

TEST(SamplerSteps, TopPTakesZerosOfBothSignsForEqual) {
  std::vector<Candidate> candidates = {{0, -0.0f, 1}, {1, 0.0f, 1}, {2, -0.0f, 1}, {3, -1, 0.375f}};
  EXPECT_EQ(ids_of(top_p(candidates, 0.25f)), (std::vector<int32_t>{0}));
}

TEST(SamplerSteps, TopPAgreesWithSorting) {
  Random random(2);
  for (const float step : {4.0f, 0.5f, 0.001f}) {
    for (const size_t n : {1, 2, 128, 129, 700, 5000}) {
      const std::vector<float> logits = random_logits(n, step, random);
      for (int i = 0; i < 20; ++i) {
        const float p = i < 4 ? std::array{1e-6f, 0.5f, 0.999f, 0.99999994f}[static_cast<size_t>(i)]
                              : static_cast<float>(random.uniform() * 0.998 + 0.001);
        std::vector<Candidate> expected = sorted_candidates(logits);
        set_weights(expected, 1);
        double total = 0;
        for (const Candidate& candidate : expected) total += candidate.weight;
        double sum = 0;
        size_t kept = 0;
        while (kept < n && sum < double{p} * total) sum += expected[kept++].weight;
        expected.resize(kept);
        std::vector<int32_t> expected_ids = ids_of(expected);
        std::sort(expected_ids.begin(), expected_ids.end());

        std::vector<Candidate> storage(n);
        const auto candidates = all_candidates(logits, storage);
        set_weights(candidates, 1);
        ASSERT_EQ(ids_of(top_p(candidates, p)), expected_ids) << n << " " << step << " " << p;
      }
    }
  }
}

TEST(SamplerSteps, MinP) {
  struct Case {
    const char* name;
    std::vector<double> probabilities;
    float p;
    std::vector<int32_t> expected;
  };
  const Case cases[] = {
      {"one candidate", {1}, 1, {0}},
      {"relative to the best", {0.1, 0.5, 0.26, 0.14}, 0.5f, {1, 2}},
      {"in their order", {0.1, 0.5, 0.26, 0.14}, 0.25f, {1, 2, 3}},
      {"all", {0.1, 0.5, 0.26, 0.14}, 0.1f, {0, 1, 2, 3}},
      {"1 keeps the best and its equals", {0.4, 0.2, 0.4}, 1, {0, 2}},
  };
  for (const Case& c : cases) {
    std::vector<Candidate> candidates = candidates_of(c.probabilities);
    EXPECT_EQ(ids_of(min_p(candidates, c.p)), c.expected) << c.name;
  }
}

TEST(SamplerSteps, DrawNeverTakesAWeightOfZero) {
  Random random(std::array<uint64_t, 4>{1, 0, 0, 0});  // its first number is 0
  const std::vector<Candidate> candidates = {{0, 0, 0}, {1, 0, 1}, {2, 0, 0}};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(draw(candidates, random), 1);
}

TEST(SamplerSteps, DrawFollowsTheWeights) {
  const std::vector<float> weights = {1, 0, 0.5f, 0.25f, 0.125f, 0, 0.0625f, 0.0625f, 0};
  std::vector<Candidate> candidates;
  candidates.reserve(weights.size());
  for (const float weight : weights) {
    candidates.push_back({static_cast<int32_t>(candidates.size()), 0, weight});
  }
  constexpr int kDraws = 40000;
  // Chi-square with 5 degrees of freedom is below 20.52 for 999 seeds of 1,000.
  for (const uint64_t seed : {1, 2, 3, 4}) {
    Random random(seed);
    std::vector<int> drawn(weights.size());
    for (int i = 0; i < kDraws; ++i) ++drawn[static_cast<size_t>(draw(candidates, random))];
    double chi_square = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      const double expected = kDraws * double{weights[i]} / 2;
      if (expected == 0) {
        EXPECT_EQ(drawn[i], 0) << "token " << i;
      } else {
        chi_square += (drawn[i] - expected) * (drawn[i] - expected) / expected;
      }
    }
    EXPECT_LT(chi_square, 20.52) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pipit
