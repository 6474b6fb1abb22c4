// Log-probabilities against the log-softmax in double precision: of tokens, and of candidates.
#include "sampling/logprobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "support/random_values.h"
#include "support/sessions.h"

namespace pipit {
namespace {

using testing::append_all;
using testing::load_bytes;
using testing::RandomValues;
using testing::some_tokens;
using testing::tiny_model;
using testing::TinyLlama;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

double expected_logprob(std::span<const float> logits, int32_t token) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  return double{logits[static_cast<size_t>(token)]} - std::log(sum);
}

TEST(Logprobs, AreTheLogSoftmax) {
  RandomValues random(3);
  for (const size_t n_vocab : {1u, 2u, 19u, 20u, 21u, 1000u}) {
    for (const float magnitude : {0.0f, 1.0f, 30.0f}) {
      const std::vector<float> logits = random.floats(n_vocab, magnitude);
      std::vector<int32_t> by_rank(n_vocab);
      std::iota(by_rank.begin(), by_rank.end(), 0);
      std::ranges::sort(by_rank, [&](int32_t a, int32_t b) {
        const float x = logits[static_cast<size_t>(a)];
        const float y = logits[static_cast<size_t>(b)];
        return x != y ? x > y : a < b;
      });
      for (const int32_t n_top : {0, 1, 5, 20}) {
        auto reader = LogprobReader::create(n_top, static_cast<int32_t>(n_vocab));
        ASSERT_TRUE(reader.ok());
        const auto token = static_cast<int32_t>(n_vocab / 2);
        const auto logprobs = reader->read(logits, token);
        ASSERT_EQ(logprobs.size(), 1 + std::min(static_cast<size_t>(n_top), n_vocab));
        EXPECT_EQ(logprobs[0].token, token);
        for (size_t i = 0; i < logprobs.size(); ++i) {
          const auto [id, logprob] = logprobs[i];
          EXPECT_NEAR(double{logprob}, expected_logprob(logits, id), 2e-6 * (1 + magnitude));
          if (i > 0) EXPECT_EQ(id, by_rank[i - 1]) << n_vocab << " tokens";
        }
      }
    }
  }
}

TEST(Logprobs, OfLogitsThatAreNoNumbers) {
  const struct {
    const char* name;
    std::vector<float> logits;
    int32_t token;
    float logprob;
    size_t n_likely;  // of 3
  } cases[] = {
      {"impossible", {0, -kInf, 0}, 1, -kInf, 2}, {"NaN", {kNan, 1, -kInf}, 0, -kInf, 1},
      {"certain", {-kInf, 5, kNan}, 1, 0, 1},     {"none", {-kInf, -kInf, kNan}, 0, -kInf, 0},
      {"infinite", {kInf, 0, 0}, 0, 0, 3},
  };
  for (const auto& c : cases) {
    auto reader = LogprobReader::create(3, 3);
    const auto logprobs = reader->read(c.logits, c.token);
    EXPECT_EQ(logprobs[0].logprob, c.logprob) << c.name;
    EXPECT_EQ(logprobs.size(), 1 + c.n_likely) << c.name;
  }
}

TEST(Logprobs, ImpossibleNumbersAreRefused) {
  for (const int32_t n_top :
       {-2, 21, std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min()}) {
    auto session = Session::create(tiny_model(), {});
    const auto generation = Generation::create(**session, some_tokens(1), {.logprobs = n_top});
    EXPECT_EQ(generation.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(generation.status().message().find("0 to 20"), std::string::npos);
  }
}

// Neither the temperature nor a bias changes what the model thinks.
TEST(Logprobs, OfAGenerationAreThoseOfTheModel) {
  const auto model = tiny_model();
  GenerateOptions options = {.max_tokens = 6, .logprobs = 2};
  options.sampling.temperature = 1.7f;
  options.sampling.repeat_penalty = 2;
  options.sampling.logit_bias = {{5, 3.0f}};
  const auto prompt = some_tokens(5);
  auto session = Session::create(model, {});
  auto generation = Generation::create(**session, prompt, options);
  auto twin = Session::create(model, {});
  append_all(**twin, prompt);
  size_t n_tokens = 0;
  for (auto step = (*generation)->step(); step->phase != GenerationPhase::kEnd;
       step = (*generation)->step()) {
    if (step->phase != GenerationPhase::kDecode) {
      EXPECT_TRUE(step->logprobs.empty());
      continue;
    }
    ++n_tokens;
    ASSERT_EQ(step->logprobs.size(), 3u);
    EXPECT_EQ(step->logprobs[0].token, step->token);
    for (const auto& [token, logprob] : step->logprobs) {
      EXPECT_NEAR(double{logprob}, expected_logprob((*twin)->logits(), token), 1e-5);
    }
    ASSERT_TRUE((*twin)->append({&step->token, 1}, LogitRows::kLast).ok());
  }
  EXPECT_EQ(n_tokens, 6u);
}

double teacher_forced(const std::shared_ptr<const Model>& model, const std::vector<int32_t>& prompt,
                      const std::vector<int32_t>& candidate) {
  auto session = Session::create(model, {.n_ctx = 200});
  append_all(**session, prompt);
  double sum = 0;
  for (const int32_t token : candidate) {
    sum += expected_logprob((*session)->logits(), token);
    EXPECT_TRUE((*session)->append({&token, 1}, LogitRows::kLast).ok());
  }
  return sum;
}

TEST(Scoring, SumsTheLogprobsOfEachCandidate) {
  TinyLlama tiny;
  tiny.n_layer = 9;  // so that passes have several parts
  const auto model = load_bytes(tiny.file());
  const auto prompt = some_tokens(40);
  const std::vector<std::vector<int32_t>> candidates = {
      {5}, {5, 6}, {7, 8, 9}, some_tokens(50), {5}};
  auto session = Session::create(*model, {.n_ctx = 200});
  for (const size_t n_steps : {0u, 1u, 5u, 9u, 14u}) {  // then it is given up and begun again
    auto given_up = Scoring::create(**session, prompt, candidates);
    for (size_t i = 0; i < n_steps; ++i) ASSERT_FALSE(*(*given_up)->step());
    given_up.value().reset();
    auto scoring = Scoring::create(**session, prompt, candidates);
    while (!*(*scoring)->step()) {
    }
    ASSERT_EQ((*scoring)->logprobs().size(), candidates.size());
    for (size_t i = 0; i < candidates.size(); ++i) {
      EXPECT_NEAR((*scoring)->logprobs()[i], teacher_forced(*model, prompt, candidates[i]), 1e-4)
          << "candidate " << i << ", after " << n_steps << " steps";
    }
    EXPECT_TRUE(*(*scoring)->step()) << "again";
    EXPECT_TRUE(std::ranges::equal((*session)->tokens(), prompt));
  }
}

TEST(Scoring, RefusesWhatItCannotScore) {
  const struct {
    std::vector<int32_t> prompt;
    std::vector<std::vector<int32_t>> candidates;
    StatusCode code;
    const char* message_part;
  } cases[] = {
      {{}, {{1}}, StatusCode::kInvalidArgument, "The prompt has no tokens"},
      {{1}, {{1}, {}}, StatusCode::kInvalidArgument, "Candidate 1 has no tokens"},
      {{1}, {{1}, {2, 96}}, StatusCode::kInvalidArgument, "96 of candidate 1"},
      {{1}, {{-1}}, StatusCode::kInvalidArgument, "-1 of candidate 0"},
      {{96}, {{1}}, StatusCode::kInvalidArgument, "96"},
      {some_tokens(7), {{1}, {1, 2, 3}}, StatusCode::kContextFull, "room for 8"},
      {some_tokens(9), {{1}}, StatusCode::kContextFull, "room for 8"},
      {some_tokens(7), {{1}, {1, 2}}, StatusCode::kOk, ""},
  };
  for (const WhenFull when_full : {WhenFull::kStop, WhenFull::kSlide}) {
    auto session = Session::create(tiny_model(), {.n_ctx = 8, .when_full = when_full});
    for (const auto& c : cases) {
      auto scoring = Scoring::create(**session, c.prompt, c.candidates);
      Status status = scoring.status();
      if (status.ok()) status = (*scoring)->step().status();
      EXPECT_EQ(status.code(), c.code) << status.message();
      EXPECT_NE(status.message().find(c.message_part), std::string::npos) << status.message();
    }
  }
}

}  // namespace
}  // namespace pipit
