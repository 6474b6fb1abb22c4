// Sessions and generations: batches and single tokens agree, and every way to stop is told.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/memory.h"
#include "gguf/gguf.h"
#include "kernels/kernel_set.h"
#include "kernels/kv_layout.h"
#include "model/kv_cache.h"
#include "support/sessions.h"
#include "support/tiny_llama.h"
#include "tokenizer/tokenizer.h"

namespace pipit {
namespace {

using testing::load_bytes;
using testing::sets_and_kv_types;
using testing::some_tokens;
using testing::tiny_model;
using testing::TinyLlama;

TEST(Session, PrefillEqualsDecodeToTheBit) {
  for (const auto& [set, kv_type] : sets_and_kv_types()) {
    const auto model = tiny_model(set->name, kv_type);
    const auto tokens = some_tokens(80);  // crosses a page of the KV cache
    auto one_by_one = Session::create(model, {});
    std::vector<float> expected;
    for (const int32_t token : tokens) {
      ASSERT_TRUE((*one_by_one)->append({&token, 1}, LogitRows::kLast).ok());
      expected.insert(expected.end(), (*one_by_one)->logits().begin(),
                      (*one_by_one)->logits().end());
    }
    for (const size_t batch : {1u, 3u, 7u, 31u, 32u}) {
      auto session = Session::create(model, {});
      std::vector<float> actual;
      for (size_t i = 0; i < tokens.size(); i += batch) {
        const size_t n = std::min(batch, tokens.size() - i);
        ASSERT_TRUE((*session)->append({tokens.data() + i, n}, LogitRows::kAll).ok());
        actual.insert(actual.end(), (*session)->logits().begin(), (*session)->logits().end());
      }
      EXPECT_EQ(actual, expected) << set->name << ", " << kv_type << ", batches of " << batch;
    }
  }
}

TEST(Session, TheNumberOfThreadsChangesNoBit) {
  TinyLlama tiny;
  tiny.n_embd = 64;
  tiny.n_ff = 352;
  const auto tokens = some_tokens(41);
  for (const TensorType type : {TensorType::kF32, TensorType::kQ4_1, TensorType::kQ8_0}) {
    tiny.matrix_type = type;
    const auto file = tiny.file();
    for (const KernelSet* set : all_kernel_sets()) {
      std::vector<float> expected;
      for (const uint32_t n_threads : {1u, 2u, 3u, 16u}) {
        const auto model = load_bytes(file, 0, {.kernels = set->name, .n_threads = n_threads});
        ASSERT_TRUE(model.ok()) << model.status().message();
        EXPECT_EQ((*model)->info().n_threads, n_threads);
        auto session = Session::create(*model, {});
        std::vector<float> actual;
        for (const size_t n : {32u, 1u, 5u, 2u, 1u}) {
          const std::span batch(tokens.data() + (*session)->n_past(), n);
          ASSERT_TRUE((*session)->append(batch, LogitRows::kAll).ok());
          actual.insert(actual.end(), (*session)->logits().begin(), (*session)->logits().end());
        }
        if (n_threads == 1) expected = actual;
        EXPECT_EQ(actual, expected) << set->name << ", " << n_threads << " threads";
      }
    }
  }
}

TEST(Session, ReferenceAndOtherSetsAgreeClosely) {
  const auto tokens = some_tokens(20);
  auto reference = Session::create(tiny_model("reference", "f32"), {});
  ASSERT_TRUE((*reference)->append(tokens, LogitRows::kAll).ok());
  for (const auto& [set, kv_type] : sets_and_kv_types()) {
    auto session = Session::create(tiny_model(set->name, kv_type), {});
    ASSERT_TRUE((*session)->append(tokens, LogitRows::kAll).ok());
    const std::string_view type = kv_type;
    const float bound = type == "f32" ? 1e-4f : type == "f16" ? 1e-2f : 0.1f;
    for (size_t i = 0; i < (*reference)->logits().size(); ++i) {
      ASSERT_NEAR((*session)->logits()[i], (*reference)->logits()[i], bound)
          << set->name << ", " << kv_type << " " << i;
    }
  }
}

TEST(Session, RefusesWhatItCannotCompute) {
  auto session = Session::create(tiny_model(), {.n_ctx = 8});
  ASSERT_TRUE(session.ok());
  const struct {
    std::vector<int32_t> tokens;
    StatusCode code;
    const char* message_part;
  } cases[] = {
      {{}, StatusCode::kInvalidArgument, "1 to 32"},
      {std::vector<int32_t>(33), StatusCode::kInvalidArgument, "33"},
      {{-1}, StatusCode::kInvalidArgument, "-1"},
      {{96}, StatusCode::kInvalidArgument, "0 to 95"},
      {std::vector<int32_t>(9), StatusCode::kContextFull, "holds 8"},
  };
  for (const auto& c : cases) {
    const Status status = (*session)->append(c.tokens, LogitRows::kLast);
    EXPECT_EQ(status.code(), c.code) << status.message();
    EXPECT_NE(status.message().find(c.message_part), std::string::npos) << status.message();
    EXPECT_EQ((*session)->n_past(), 0u);
  }
  EXPECT_EQ(Session::create(tiny_model(), {.n_ctx = 1u << 30}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Session, LogitsAreThoseOfTheLastAppendAlone) {
  auto session = Session::create(tiny_model(), {});
  EXPECT_EQ((*session)->logits().size(), 0u) << "nothing is computed yet";
  const struct {
    LogitRows rows;
    size_t n_rows;
  } cases[] = {{LogitRows::kAll, 3}, {LogitRows::kLast, 1}, {LogitRows::kNone, 0}};
  for (const auto& c : cases) {
    ASSERT_TRUE((*session)->append(some_tokens(3), c.rows).ok());
    EXPECT_EQ((*session)->logits().size(), c.n_rows * TinyLlama::kVocab);
  }
}

// Whichever allocation fails, the same append then works and gives the same logits.
TEST(Session, AnAppendThatFailedLeavesTheSequenceAsItWas) {
  const auto model = tiny_model();
  const auto tokens = some_tokens(70);
  const auto append_all = [&](Session& session, int failing) {
    for (size_t i = 0; i < tokens.size(); i += 10) {
      fail_allocation_after(failing);
      const Status status = session.append({tokens.data() + i, 10}, LogitRows::kAll);
      fail_allocation_after(-1);
      if (status.ok()) continue;
      EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
      EXPECT_EQ(session.n_past(), i);
      EXPECT_TRUE(session.append({tokens.data() + i, 10}, LogitRows::kAll).ok());
    }
    return std::vector<float>(session.logits().begin(), session.logits().end());
  };
  auto undisturbed = Session::create(model, {});
  const auto expected = append_all(**undisturbed, -1);
  for (int failing = 0; failing < 4; ++failing) {
    auto session = Session::create(model, {});
    EXPECT_EQ(append_all(**session, failing), expected) << failing;
  }
}

TEST(Session, KvCacheGrowsWithTheSequence) {
  // Bytes of a page: 2 layers, 2 heads, positions of 8 + 8 elements; int8 has two scales more.
  constexpr uint64_t kPositions = uint64_t{2 * 2} * kPagePositions;
  const struct {
    const char* kv_type;
    uint64_t page;
  } cases[] = {{"f32", kPositions * 16 * 4},
               {"f16", kPositions * 16 * 2},
               {"int8", kPositions * (16 + 8)},
               {"auto", kPositions * (16 + 8)}};
  for (const auto& c : cases) {
    auto session =
        Session::create(tiny_model("auto", c.kv_type), {.n_ctx = uint32_t{2 * kPagePositions}});
    EXPECT_EQ((*session)->kv_bytes(), 0u);
    ASSERT_TRUE((*session)->append(some_tokens(1), LogitRows::kNone).ok());
    EXPECT_EQ((*session)->kv_bytes(), c.page) << c.kv_type;
    for (size_t n = 0; n < kPagePositions; n += 32)
      ASSERT_TRUE((*session)->append(some_tokens(32), LogitRows::kNone).ok());
    EXPECT_EQ((*session)->kv_bytes(), 2 * c.page) << c.kv_type;
  }
}

struct Outcome {
  std::string text;
  std::vector<int32_t> tokens;
  GenerationStep end;
  Status status;
};

Outcome generate(const std::shared_ptr<const Model>& model, const std::vector<int32_t>& prompt,
                 const GenerateOptions& options, uint32_t n_ctx = 0) {
  Outcome outcome;
  auto session = Session::create(model, {.n_ctx = n_ctx});
  auto generation = Generation::create(**session, prompt, options);
  outcome.status = generation.status();
  while (generation.ok()) {
    const auto step = (*generation)->step();
    EXPECT_TRUE(step.ok()) << step.status().message();
    if (!step.ok()) break;
    outcome.text += step->text;
    if (step->phase == GenerationPhase::kDecode) outcome.tokens.push_back(step->token);
    if (step->phase != GenerationPhase::kEnd) continue;
    outcome.end = *step;
    const auto again = (*generation)->step();
    EXPECT_EQ(again->phase, GenerationPhase::kEnd);
    EXPECT_EQ(again->stop_reason, step->stop_reason);
    EXPECT_EQ(again->text, "");
    break;
  }
  return outcome;
}

// Draws this letter whatever the model says.
GenerateOptions always(char letter) {
  GenerateOptions options;
  options.sampling.temperature = 0;
  options.sampling.logit_bias.push_back({letter - '!', 1000});
  return options;
}

TEST(Generation, TellsWhyItStopped) {
  const auto model = tiny_model();
  {
    auto options = always('a');
    options.max_tokens = 5;
    const Outcome outcome = generate(model, {1}, options);
    EXPECT_EQ(outcome.text, "aaaaa");
    EXPECT_EQ(outcome.tokens.size(), 5u);
    EXPECT_EQ(outcome.end.stop_reason, StopReason::kMaxTokens);
  }
  {
    auto options = always('a');
    options.max_tokens = 0;
    const Outcome outcome = generate(model, {1}, options);
    EXPECT_EQ(outcome.text, "");
    EXPECT_EQ(outcome.end.stop_reason, StopReason::kMaxTokens);
  }
  {  // 4 of 8 positions are the prompt's; the token drawn from the last one need not be computed
    const Outcome outcome = generate(model, {1, 2, 3, 4}, always('a'), 8);
    EXPECT_EQ(outcome.text, "aaaaa");
    EXPECT_EQ(outcome.end.stop_reason, StopReason::kContextFull);
  }
  {  // the stop string straddles tokens
    auto options = always('a');
    options.stop = {"zz", "aaa"};
    const Outcome outcome = generate(model, {1}, options);
    EXPECT_EQ(outcome.text, "");
    EXPECT_EQ(outcome.tokens.size(), 3u);
    EXPECT_EQ(outcome.end.stop_reason, StopReason::kStopString);
    EXPECT_EQ(outcome.end.stop_index, 1);
  }
  {  // text held back for a stop string that never comes is given out at the end
    auto options = always('a');
    options.stop = {"aaaaaaaa"};
    options.max_tokens = 6;
    const Outcome outcome = generate(model, {1}, options);
    EXPECT_EQ(outcome.text, "aaaaaa");
    EXPECT_EQ(outcome.end.stop_reason, StopReason::kMaxTokens);
  }
  {
    GenerateOptions options;
    options.sampling.logit_bias.push_back({TinyLlama::kEos, 1000});
    const Outcome outcome = generate(model, {1}, options);
    EXPECT_EQ(outcome.text, "");
    EXPECT_EQ(outcome.end.stop_reason, StopReason::kEndOfGeneration);
    options.ignore_eos = true;
    options.max_tokens = 20;
    const Outcome on = generate(model, {1}, options);
    EXPECT_EQ(on.tokens.size(), 20u);
    EXPECT_EQ(on.end.stop_reason, StopReason::kMaxTokens);
  }
}

// Text would be lost, or a token computed twice, if it went on.
TEST(Generation, AnErrorStays) {
  const auto model = tiny_model();
  int n_failed = 0;
  for (int failing = 0; failing < 40; ++failing) {
    auto session = Session::create(model, {});
    auto options = always('a');
    options.max_tokens = 3;
    options.stop = {"aab"};
    auto generation = Generation::create(**session, some_tokens(70), options);
    fail_allocation_after(failing);
    auto step = (*generation)->step();
    while (step.ok() && step->phase != GenerationPhase::kEnd) step = (*generation)->step();
    fail_allocation_after(-1);
    if (step.ok()) continue;
    ++n_failed;
    const size_t n_past = (*session)->n_past();
    for (int again = 0; again < 2; ++again) {
      step = (*generation)->step();
      ASSERT_FALSE(step.ok()) << failing;
      EXPECT_EQ(step.status().code(), StatusCode::kOutOfMemory);
    }
    EXPECT_EQ((*session)->n_past(), n_past);
  }
  EXPECT_GT(n_failed, 3);
}

TEST(Generation, TheSameSeedGivesTheSameText) {
  const auto model = tiny_model();
  GenerateOptions options;
  options.max_tokens = 30;
  options.sampling.temperature = 1.5f;
  options.sampling.seed = 1;
  const std::string text = generate(model, {5}, options).text;
  EXPECT_EQ(generate(model, {5}, options).text, text);
  options.sampling.seed = 2;
  EXPECT_NE(generate(model, {5}, options).text, text);
}

TEST(Generation, RefusesBadRequests) {
  const auto model = tiny_model();
  const auto with = [](auto change) {
    GenerateOptions options;
    change(options);
    return options;
  };
  const struct {
    const char* name;
    std::vector<int32_t> prompt;
    GenerateOptions options;
    StatusCode code;
    const char* message_part;
  } cases[] = {
      {"empty prompt", {}, {}, StatusCode::kInvalidArgument, "no tokens"},
      {"long prompt", some_tokens(97), {}, StatusCode::kContextFull, "97 tokens"},
      {"bad token", {96}, {}, StatusCode::kInvalidArgument, "96"},
      {"max_tokens",
       {1},
       with([](auto& o) { o.max_tokens = -2; }),
       StatusCode::kInvalidArgument,
       "max_tokens"},
      {"stop",
       {1},
       with([](auto& o) { o.stop = {""}; }),
       StatusCode::kInvalidArgument,
       "Stop string 0"},
      {"sampling",
       {1},
       with([](auto& o) { o.sampling.top_p = 2; }),
       StatusCode::kInvalidArgument,
       "top_p"},
  };
  for (const auto& c : cases) {
    const Outcome outcome = generate(model, c.prompt, c.options);
    EXPECT_EQ(outcome.status.code(), c.code) << c.name << ": " << outcome.status.message();
    EXPECT_NE(outcome.status.message().find(c.message_part), std::string::npos)
        << outcome.status.message();
  }
}

TEST(Generation, ReportsPrefillProgress) {
  const auto model = tiny_model();
  auto session = Session::create(model, {});
  auto generation = Generation::create(**session, some_tokens(70), {.max_tokens = 1});
  std::vector<size_t> done;
  for (auto step = (*generation)->step(); step->phase == GenerationPhase::kPrefill;
       step = (*generation)->step()) {
    EXPECT_EQ(step->n_total, 70u);
    if (done.empty() || step->n_done > done.back()) done.push_back(step->n_done);
  }
  EXPECT_EQ(done, (std::vector<size_t>{0, 32, 64, 70}));
}

}  // namespace
}  // namespace pipit
