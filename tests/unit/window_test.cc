// Layers with a sliding window: what they keep, and what a session can do with it.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/str_cat.h"
#include "kernels/kernel_set.h"
#include "model/kv_cache.h"
#include "support/generations.h"

namespace pipit {
namespace {

using testing::append_all;
using testing::fresh_logits;
using testing::generate;
using testing::GgufBuilder;
using testing::greedy;
using testing::load_bytes;
using testing::logits_of;
using testing::Outcome;
using testing::sets_and_kv_types;
using testing::slice;
using testing::some_tokens;
using testing::TinyLlama;
using testing::Tokens;
using testing::operator+;

constexpr uint32_t kWindow = 20;
constexpr uint32_t kContext = 1300;

// As small as can be: these tests need long sequences.
TinyLlama smallest(uint32_t n_layer) {
  TinyLlama tiny;
  tiny.n_layer = n_layer;
  tiny.n_embd = tiny.n_ff = 8;
  tiny.n_head = tiny.n_head_kv = 1;
  tiny.n_ctx_train = kContext;
  return tiny;
}

TinyLlama mistral(uint32_t n_layer) {
  TinyLlama tiny = smallest(n_layer);
  tiny.add = [](GgufBuilder& b) { b.u32("llama.attention.sliding_window", kWindow); };
  return tiny;
}

// A layer for each of `is_local`. The attention of the first `n_silent` layers adds nothing.
TinyLlama gemma3(const std::vector<bool>& is_local, uint32_t n_silent = 0) {
  TinyLlama tiny = smallest(static_cast<uint32_t>(is_local.size()));
  tiny.architecture = "gemma3";
  tiny.add = [=](GgufBuilder& b) {
    b.u32("gemma3.attention.sliding_window", kWindow);
    b.array("gemma3.attention.sliding_window_pattern", is_local);
    b.f32("gemma3.rope.freq_base", 1e5f).f32("gemma3.rope.freq_base_swa", 300);
    for (uint32_t i = 0; i < is_local.size(); ++i) {
      const auto norm = [&](const char* name, uint64_t n, float value) {
        const auto key = "blk." + std::to_string(i) + "." + name + ".weight";
        b.tensor(key, TensorType::kF32, {n}, std::vector<float>(n, value));
      };
      norm("attn_q_norm", 8, 1);
      norm("attn_k_norm", 8, 1);
      norm("post_attention_norm", 8, i < n_silent ? 0.0f : 1.0f);
      norm("post_ffw_norm", 8, 1);
    }
  };
  return tiny;
}

// Layers without rope.
TinyLlama granite() {
  TinyLlama tiny = smallest(1);
  tiny.architecture = "granite";
  tiny.add = [](GgufBuilder& b) {
    b.f32("granite.logit_scale", 1).boolean("granite.rope.scaling.finetuned", false);
  };
  return tiny;
}

std::shared_ptr<const Model> load(const TinyLlama& tiny, const std::string& kernels = "auto",
                                  const std::string& kv_type = "auto") {
  auto model = load_bytes(tiny.file(), 0, {.kernels = kernels, .kv_type = kv_type});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *model : nullptr;
}

// A slide of one token leaves a window that reaches back to the kept ones: all layers keep all.
std::unique_ptr<Session> session_that_keeps_all(const std::shared_ptr<const Model>& model) {
  return Session::create(model, {.n_ctx = kContext,
                                 .when_full = WhenFull::kSlide,
                                 .keep_tokens = int32_t{kContext} - 2})
      .value();
}

TEST(Window, TheTypeOfTheCacheIsTheFamilysUnlessChosen) {
  EXPECT_EQ(load(mistral(2))->info().kv_type, "int8");
  EXPECT_EQ(load(gemma3({true}))->info().kv_type, "f16");
  EXPECT_EQ(load(gemma3({true}), "auto", "int8")->info().kv_type, "int8");
}

TEST(Window, WhatIsGivenUpIsNotMissed) {
  const auto tokens = some_tokens(1100);
  for (const TinyLlama& tiny : {mistral(2), gemma3({true, false, true})}) {
    for (const auto& [set, kv_type] : sets_and_kv_types()) {
      const auto model = load(tiny, set->name, kv_type);
      auto all = session_that_keeps_all(model);
      append_all(*all, tokens);
      auto session = Session::create(model, {.n_ctx = kContext});
      append_all(**session, tokens);
      EXPECT_EQ(logits_of(**session), logits_of(*all)) << set->name << ", " << kv_type;
    }
  }
}

TEST(Window, TheCacheHoldsThePagesThatItNeeds) {
  // Of a layer with a head of 8 + 8 elements in int8, with two scales.
  constexpr uint64_t kPage = uint64_t{kPagePositions} * (16 + 8);
  const auto model = load(gemma3({true, true, false}), "auto", "int8");
  auto session = Session::create(model, {.n_ctx = 3000});
  // A pass keeps the window of its first token and a page more.
  const struct {
    size_t n;  // tokens, the last of them alone in its pass
    uint64_t local_pages;
    uint64_t pages;
  } cases[] = {{1, 1, 1},    {513, 2, 2},  {1025, 3, 3}, {1043, 3, 3},
               {1044, 2, 3}, {1537, 3, 4}, {2068, 2, 5}};
  for (const auto& c : cases) {
    append_all(**session, some_tokens(c.n - 1 - (*session)->n_past()));
    append_all(**session, some_tokens(1));
    EXPECT_EQ((*session)->kv_bytes(), (2 * c.local_pages + c.pages) * kPage) << c.n;
  }
  (*session)->rewind(0);
  EXPECT_EQ((*session)->kv_bytes(), 0u);
}

// Gemma 3 270M: the figures in src/README.md.
TEST(Window, TheCacheOfGemma3) {
  Config config;
  config.n_head_kv = 1;
  config.head_dim = config.head_dim_v = 256;
  for (uint32_t i = 1; i <= 18; ++i) config.layers.push_back({.n_window = i % 6 == 0 ? 0u : 512u});
  const auto bytes_at_4096 = [](const Config& c) {
    KvCache cache(c, KvType::kF16);
    for (size_t n = 0; n < 4096; n += 32) EXPECT_TRUE(cache.reserve(n, 32).ok());
    return cache.bytes();
  };
  EXPECT_EQ(bytes_at_4096(config), 36'175'872u);
  for (LayerConfig& layer : config.layers) layer.n_window = 0;
  EXPECT_EQ(bytes_at_4096(config), 75'497'472u);
}

// After 1,100 tokens the positions from 512 on are kept.
TEST(Window, RewindsAsFarAsItCan) {
  const auto tokens = some_tokens(1100);
  const auto others = slice(some_tokens(40), 5, 40);
  const struct {
    size_t n;
    bool can;
  } cases[] = {{1100, true}, {1099, true}, {588, true}, {531, true},
               {530, false}, {1, false},   {0, true}};
  for (const auto& [set, kv_type] : sets_and_kv_types()) {
    const auto model = load(gemma3({true, false}), set->name, kv_type);
    for (const auto& c : cases) {
      auto session = Session::create(model, {.n_ctx = kContext});
      append_all(**session, tokens);
      (*session)->rewind(c.n);
      const auto left = c.can ? slice(tokens, 0, c.n) : Tokens();
      ASSERT_TRUE(std::ranges::equal((*session)->tokens(), left)) << c.n;
      append_all(**session, others);
      EXPECT_EQ(logits_of(**session), fresh_logits(model, left + others))
          << set->name << ", " << kv_type << ", " << c.n;
    }
  }
}

TEST(Window, APromptFindsWhatIsStillThere) {
  const auto model = load(gemma3({true, false}));
  const auto first = some_tokens(1100);
  const struct {
    const char* name;
    Tokens prompt;
    size_t n_cached;
  } cases[] = {
      {"longer", first + Tokens{3, 5, 8}, 1100},
      {"the same", first, 1096},
      {"another end", slice(first, 0, 600) + Tokens{90, 91, 1}, 600},
      {"another half", slice(first, 0, 400) + Tokens{90, 91, 1}, 0},
      {"short", slice(first, 0, 20), 0},
  };
  for (const auto& c : cases) {
    auto session = Session::create(model, {.n_ctx = kContext});
    generate(**session, first, greedy(0));
    const Outcome outcome = generate(**session, c.prompt, greedy(15));
    EXPECT_EQ(outcome.n_cached, c.n_cached) << c.name;
    auto fresh = Session::create(model, {.n_ctx = kContext});
    EXPECT_EQ(outcome.tokens, generate(**fresh, c.prompt, greedy(15)).tokens) << c.name;
  }
}

// Behind a long candidate the prompt has to be computed again.
TEST(Window, ScoresCandidatesThatAreLongerThanWhatIsKept) {
  const auto model = load(gemma3({true, false}), "reference");
  const auto prompt = some_tokens(500);
  const std::vector<std::vector<int32_t>> candidates = {some_tokens(700), {5, 6}, some_tokens(650)};
  auto session = Session::create(model, {.n_ctx = kContext});
  auto scoring = Scoring::create(**session, prompt, candidates);
  while (!*(*scoring)->step()) continue;
  EXPECT_TRUE(std::ranges::equal((*session)->tokens(), prompt));
  for (size_t i = 0; i < candidates.size(); ++i) {
    auto fresh = Session::create(model, {.n_ctx = kContext});
    auto alone = Scoring::create(**fresh, prompt, {candidates[i]});
    while (!*(*alone)->step()) continue;
    ASSERT_EQ((*scoring)->logprobs().size(), candidates.size());
    EXPECT_EQ((*scoring)->logprobs()[i], (*alone)->logprobs()[0]) << i;
  }
}

// With one layer, or where the layers below add nothing of other tokens, a removal is exact: each
// layer's keys are turned back by its own rope, or not at all.
const struct {
  const char* name;
  TinyLlama tiny;
} kExact[] = {
    {"a window", mistral(1)},
    {"a local layer", gemma3({true})},
    {"a global layer", gemma3({false})},
    {"a local layer above a global one", gemma3({false, true}, 1)},
    {"a global layer above a local one", gemma3({true, false}, 1)},
    {"no rope", granite()},
};

void expect_fresh(const Session& session, const std::shared_ptr<const Model>& model,
                  const Tokens& tokens, const std::string& what) {
  ASSERT_TRUE(std::ranges::equal(session.tokens(), tokens)) << what;
  const auto expected = fresh_logits(model, tokens);
  ASSERT_EQ(session.logits().size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(session.logits()[i], expected[i], 5e-4f) << what << ", logit " << i;
  }
}

TEST(Window, RemovedTokensAreAsIfTheyHadNeverBeen) {
  const struct {
    size_t first, n;
    bool can = true;  // in a layer with a window, whose positions from 512 on are kept
  } removals[] = {{0, 1},   {0, 512},  {0, 600},  {5, 700},          {300, 100},       {0, 900},
                  {900, 9}, {1095, 2}, {0, 1100}, {490, 600, false}, {511, 580, false}};
  const auto tokens = some_tokens(1100);
  const Tokens next = {7, 5, 3};
  for (const auto& [name, tiny] : kExact) {
    const auto model = load(tiny, "auto", "f32");
    const bool has_window = model->info().n_window > 0 && std::string(name) != "a global layer";
    for (const auto& [first, n, can] : removals) {
      const std::string what = str_cat(name, ", ", n, " from ", first);
      auto session = Session::create(model, {.n_ctx = kContext});
      append_all(**session, tokens);
      EXPECT_EQ((*session)->can_remove(first, n), can || !has_window) << what;
      const auto removed = (*session)->remove_part(first, n);
      if (!can && has_window) {
        EXPECT_EQ(removed.status().code(), StatusCode::kInvalidArgument) << what;
        EXPECT_EQ((*session)->n_past(), tokens.size()) << what;
        continue;
      }
      ASSERT_TRUE(removed.ok() && *removed) << what;
      append_all(**session, next);
      const auto left = slice(tokens, 0, first) + slice(tokens, first + n, tokens.size()) + next;
      expect_fresh(**session, model, left, what);
    }
  }
}

TEST(Window, SlidesBehindTheContext) {
  const struct {
    uint32_t n_ctx;
    int32_t keep;
  } contexts[] = {{30, 4}, {700, 0}, {1200, 0}, {1200, 600}, {1100, 1070}};
  for (const auto& [name, tiny] : kExact) {
    const auto model = load(tiny, "auto", "f32");
    for (const auto& [n_ctx, keep] : contexts) {
      const std::string what = str_cat(name, ", ", n_ctx, " tokens, keeps ", keep);
      auto session = Session::create(
          model, {.n_ctx = n_ctx, .when_full = WhenFull::kSlide, .keep_tokens = keep});
      const Tokens prompt = some_tokens(n_ctx - 5);
      const Outcome outcome = generate(**session, prompt, greedy(700));
      ASSERT_TRUE(outcome.status.ok()) << what << ": " << outcome.status.message();
      const Tokens all = prompt + slice(outcome.tokens, 0, 699);
      const auto n_keep = static_cast<size_t>(keep);
      const size_t n_latest = (*session)->n_past() - n_keep;
      const auto left = slice(all, 0, n_keep) + slice(all, all.size() - n_latest, all.size());
      expect_fresh(**session, model, left, what);
    }
  }
}

// Wherever a slide is given up, what comes next is answered as a new session would.
TEST(Window, AfterASlideThatWasGivenUp) {
  const auto model = load(gemma3({true, false, true, true}));
  constexpr uint32_t kLong = 2500;
  const SessionOptions options = {.n_ctx = kLong, .when_full = WhenFull::kSlide, .keep_tokens = 70};
  const Tokens prompt = some_tokens(kLong);
  auto session = Session::create(model, options);
  auto generation = Generation::create(**session, prompt, greedy(-1));
  GenerationPhase phase = GenerationPhase::kPrefill;
  while (phase != GenerationPhase::kSlide) phase = (*generation)->step()->phase;
  ASSERT_EQ((*session)->n_past(), kLong) << "a slide takes several steps";
  generation.value().reset();
  const Outcome outcome = generate(**session, slice(prompt, 0, 2000), greedy(8));
  EXPECT_EQ(outcome.n_cached, 0u);
  auto fresh = Session::create(model, options);
  EXPECT_EQ(outcome.tokens, generate(**fresh, slice(prompt, 0, 2000), greedy(8)).tokens);
}

}  // namespace
}  // namespace pipit
