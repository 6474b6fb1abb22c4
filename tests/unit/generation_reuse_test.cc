// Generations that go on from what their session holds: the common prefix, and sliding.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/memory.h"
#include "kernels/kernel_set.h"
#include "support/generations.h"

namespace pipit {
namespace {

using testing::fresh_logits;
using testing::generate;
using testing::greedy;
using testing::load_bytes;
using testing::Outcome;
using testing::sets_and_kv_types;
using testing::slice;
using testing::some_tokens;
using testing::tiny_model;
using testing::TinyLlama;
using testing::Tokens;
using testing::operator+;

TEST(Reuse, WhatPromptAndSessionShareIsNotComputedAgain) {
  const Tokens first = some_tokens(70);
  const struct {
    const char* name;
    Tokens prompt;
    size_t n_cached;
  } cases[] = {
      {"the same", first, 68},
      {"longer", first + Tokens{3, 5, 8}, 68},
      {"a part", slice(first, 0, 20), 16},
      {"another end", slice(first, 0, 66) + Tokens{90, 91}, 64},
      {"another beginning", Tokens{90} + first, 0},
      {"one token", {first[0]}, 0},
  };
  for (const auto& [set, kv_type] : sets_and_kv_types()) {
    const auto model = tiny_model(set->name, kv_type);
    for (const auto& c : cases) {
      auto session = Session::create(model, {});
      EXPECT_EQ(generate(**session, first, greedy(0)).n_cached, 0u);
      const Outcome reused = generate(**session, c.prompt, greedy(15));
      auto fresh = Session::create(model, {});
      const Outcome expected = generate(**fresh, c.prompt, greedy(15));
      EXPECT_EQ(reused.n_cached, c.n_cached) << c.name;
      EXPECT_EQ(reused.n_prompt, c.prompt.size()) << c.name;
      EXPECT_EQ(reused.tokens, expected.tokens) << set->name << ", " << kv_type << ", " << c.name;
      EXPECT_TRUE(std::ranges::equal((*session)->logits(), (*fresh)->logits())) << c.name;
    }
  }
}

TEST(Reuse, AnAnswerIsAPartOfTheNextPrompt) {
  auto session = Session::create(tiny_model(), {});
  const Tokens prompt = some_tokens(20);
  const Outcome answer = generate(**session, prompt, greedy(10));
  const Outcome next = generate(**session, prompt + answer.tokens + Tokens{1, 2, 3}, greedy(1));
  // The last token was drawn, but not computed; tiles are computed as a whole.
  EXPECT_EQ(next.n_cached, (20u + 9u) / kTileTokens * kTileTokens);
}

// Wherever a generation is given up, the session answers what comes next as a new one would.
TEST(Reuse, AfterAGenerationThatWasGivenUp) {
  TinyLlama tiny;
  tiny.n_layer = 9;
  const auto model = load_bytes(tiny.file());
  const Tokens prompt = some_tokens(60);
  const Tokens next = slice(prompt, 0, 50) + Tokens{1, 2, 3};
  auto fresh = Session::create(*model, {});
  const Outcome expected = generate(**fresh, next, greedy(8));
  for (size_t n_steps = 0; n_steps < 40; n_steps += 3) {
    auto session = Session::create(*model, {});
    auto generation = Generation::create(**session, prompt, greedy(-1));
    for (size_t i = 0; i < n_steps; ++i) ASSERT_TRUE((*generation)->step().ok());
    generation.value().reset();
    EXPECT_EQ(generate(**session, next, greedy(8)).tokens, expected.tokens) << n_steps;
  }
}

TEST(Reuse, GenerationsOfTwoSessionsTakeTurns) {
  const auto model = tiny_model();
  const Tokens prompts[] = {some_tokens(50), {7, 8, 9}};
  Tokens expected[2], actual[2];
  std::unique_ptr<Session> sessions[2];
  std::unique_ptr<Generation> generations[2];
  for (size_t i = 0; i < 2; ++i) {
    auto alone = Session::create(model, {});
    expected[i] = generate(**alone, prompts[i], greedy(20)).tokens;
    sessions[i] = Session::create(model, {}).value();
    generations[i] = Generation::create(*sessions[i], prompts[i], greedy(20)).value();
  }
  for (int n_steps = 0; n_steps < 60; ++n_steps) {
    for (size_t i = 0; i < 2; ++i) {
      const auto step = generations[i]->step();
      if (step->phase == GenerationPhase::kDecode) actual[i].push_back(step->token);
    }
  }
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(actual[i], expected[i]);
}

TEST(Sliding, GoesOnBehindTheContext) {
  TinyLlama tiny;
  tiny.n_layer = 1;  // then a slide is exact
  const auto file = tiny.file();
  const struct {
    uint32_t n_ctx;
    int32_t keep;
  } contexts[] = {{2, 0}, {3, 1}, {16, 14}, {40, 0}, {40, 7}, {100, 5}};
  for (const auto& [set, kv_type] : sets_and_kv_types()) {
    const auto model = load_bytes(file, 0, {.kernels = set->name, .kv_type = kv_type});
    for (const auto& [n_ctx, keep] : contexts) {
      auto session = Session::create(
          *model, {.n_ctx = n_ctx, .when_full = WhenFull::kSlide, .keep_tokens = keep});
      const Tokens prompt = some_tokens(std::min(n_ctx, 30u));
      const Outcome outcome = generate(**session, prompt, greedy(250));
      ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
      EXPECT_EQ(outcome.stop_reason, StopReason::kMaxTokens);
      ASSERT_EQ(outcome.tokens.size(), 250u);
      // The first `keep` and the latest; the last one drawn is not computed.
      const Tokens all = prompt + slice(outcome.tokens, 0, 249);
      const Tokens left((*session)->tokens().begin(), (*session)->tokens().end());
      ASSERT_LE(left.size(), n_ctx);
      ASSERT_GE(left.size(), n_ctx - (*session)->n_slide());
      const auto n_keep = static_cast<size_t>(keep);
      EXPECT_EQ(left, slice(all, 0, n_keep) +
                          slice(all, all.size() - (left.size() - n_keep), all.size()));
      const std::string_view type = kv_type;
      const float bound = type == "f32" ? 2e-4f : type == "f16" ? 2e-2f : 0.2f;
      const auto expected = fresh_logits(*model, left);
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR((*session)->logits()[i], expected[i], bound)
            << set->name << ", " << kv_type << ", " << n_ctx << ", keeps " << keep;
      }
    }
  }
}

TEST(Sliding, APromptThatIsTooLongLosesItsMiddle) {
  const auto model = tiny_model();
  const struct {
    uint32_t n_ctx;
    int32_t keep;
    size_t n_prompt;
    size_t n_lost;  // a multiple of (n_ctx - keep) / 2
  } cases[] = {{40, 4, 40, 0},  {40, 4, 41, 18},    {40, 4, 58, 18}, {40, 4, 59, 36},
               {40, 0, 41, 20}, {40, 38, 45, 5},    {2, 0, 90, 88},  {40, 4, 90, 54},
               {64, 0, 64, 0},  {64, 10, 1000, 945}};
  for (const auto& c : cases) {
    auto session = Session::create(
        model, {.n_ctx = c.n_ctx, .when_full = WhenFull::kSlide, .keep_tokens = c.keep});
    const Tokens prompt = some_tokens(c.n_prompt);
    const Outcome outcome = generate(**session, prompt, greedy(0));
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    const auto keep = static_cast<size_t>(c.keep);
    const Tokens expected = slice(prompt, 0, keep) + slice(prompt, keep + c.n_lost, prompt.size());
    EXPECT_TRUE(std::ranges::equal((*session)->tokens(), expected))
        << c.n_prompt << " in " << c.n_ctx;
    EXPECT_EQ(outcome.n_prompt, expected.size());
  }
}

// The session drops what the prompt loses, whichever of them is ahead.
TEST(Sliding, APromptThatIsTooLongStillFindsWhatIsCached) {
  const auto model = tiny_model();
  const SessionOptions options = {.n_ctx = 40, .when_full = WhenFull::kSlide, .keep_tokens = 4};
  const Tokens all = some_tokens(200);
  const struct {
    const char* name;
    size_t n_before;  // tokens of an earlier prompt
    size_t n_now;
    size_t n_cached;
  } cases[] = {
      {"neither has lost any", 30, 35, 28},
      {"both have lost the same", 50, 55, 32},
      {"the session loses as many first", 40, 50, 20},
      {"the session loses more", 50, 70, 12},
      {"there is too little left", 30, 200, 4},
      {"the prompt begins anew", 100, 20, 4},
  };
  for (const auto& c : cases) {
    auto session = Session::create(model, options);
    generate(**session, slice(all, 0, c.n_before), greedy(0));
    const Outcome outcome = generate(**session, slice(all, 0, c.n_now), greedy(5));
    EXPECT_EQ(outcome.n_cached, c.n_cached) << c.name;
    EXPECT_EQ(outcome.tokens.size(), 5u) << c.name;
  }
  // So does a conversation that slid while it was generated.
  auto session = Session::create(model, options);
  const Tokens prompt = slice(all, 0, 10);
  const Outcome answer = generate(**session, prompt, greedy(60));
  const size_t n_left = (*session)->n_past();
  const Outcome next = generate(**session, prompt + answer.tokens + Tokens{1}, greedy(1));
  EXPECT_EQ(next.n_cached, n_left / kTileTokens * kTileTokens);
}

TEST(Sliding, AfterASlideThatWasGivenUp) {
  TinyLlama tiny;
  tiny.n_layer = 5;
  const auto model = load_bytes(tiny.file());
  const SessionOptions options = {.n_ctx = 1500, .when_full = WhenFull::kSlide, .keep_tokens = 70};
  auto session = Session::create(*model, options);
  const Tokens prompt = some_tokens(1500);
  auto generation = Generation::create(**session, prompt, greedy(-1));
  GenerationPhase phase = GenerationPhase::kPrefill;
  while (phase != GenerationPhase::kSlide) phase = (*generation)->step()->phase;
  ASSERT_EQ((*session)->n_past(), 1500u) << "a slide takes several steps";
  generation.value().reset();
  auto fresh = Session::create(*model, options);
  const Outcome expected = generate(**fresh, slice(prompt, 0, 200), greedy(8));
  const Outcome outcome = generate(**session, slice(prompt, 0, 200), greedy(8));
  EXPECT_EQ(outcome.n_cached, 68u);
  EXPECT_EQ(outcome.tokens, expected.tokens);
}

// Whichever allocation fails, the error is typed and the session answers right afterwards.
TEST(Sliding, AfterAnAllocationThatFailed) {
  TinyLlama tiny;
  tiny.n_layer = 1;
  const auto model = load_bytes(tiny.file(), 0, {.kv_type = "f32"});
  const SessionOptions options = {.n_ctx = 100, .when_full = WhenFull::kSlide, .keep_tokens = 3};
  auto with_logprobs = greedy(60);
  with_logprobs.logprobs = 3;
  auto fresh = Session::create(*model, options);
  const Outcome expected = generate(**fresh, some_tokens(80), greedy(10));
  int n_failed = 0;
  for (int failing = 0; failing < 60; ++failing) {
    auto session = Session::create(*model, options);
    fail_allocation_after(failing);
    const Outcome disturbed = generate(**session, some_tokens(75), with_logprobs);
    fail_allocation_after(-1);
    if (!disturbed.status.ok()) {
      ++n_failed;
      EXPECT_EQ(disturbed.status.code(), StatusCode::kOutOfMemory);
    }
    EXPECT_EQ(generate(**session, some_tokens(80), greedy(10)).tokens, expected.tokens) << failing;
  }
  EXPECT_GT(n_failed, 10);
}

}  // namespace
}  // namespace pipit
