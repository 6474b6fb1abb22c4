// What a session keeps: rewinding, removing tokens, passes in parts, sessions side by side.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "kernels/kv_layout.h"
#include "support/sessions.h"

namespace pipit {
namespace {

using testing::append_all;
using testing::fresh_logits;
using testing::load_bytes;
using testing::logits_of;
using testing::sets_and_kv_types;
using testing::some_tokens;
using testing::tiny_model;
using testing::TinyLlama;

std::vector<int32_t> other_tokens(size_t n) {
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>(i * 53 % 91));
  return tokens;
}

std::vector<int32_t> joined(std::span<const int32_t> a, std::span<const int32_t> b) {
  std::vector<int32_t> tokens(a.begin(), a.end());
  tokens.insert(tokens.end(), b.begin(), b.end());
  return tokens;
}

// What stood in a page before does not reach what is computed after.
TEST(Session, RewoundItIsAsIfTheRestHadNeverBeen) {
  const auto tokens = some_tokens(150);
  const auto others = other_tokens(70);
  for (const auto& [set, kv_type] : sets_and_kv_types()) {
    const auto model = tiny_model(set->name, kv_type);
    auto session = Session::create(model, {.n_ctx = 300});
    for (const size_t n : {149u, 129u, 128u, 127u, 65u, 64u, 63u, 5u, 1u, 0u}) {
      (*session)->rewind(0);
      append_all(**session, tokens);
      (*session)->rewind(n);
      EXPECT_EQ((*session)->n_past(), n);
      append_all(**session, others);
      const auto expected = joined(std::span(tokens).first(n), others);
      EXPECT_TRUE(std::ranges::equal((*session)->tokens(), expected));
      EXPECT_EQ(logits_of(**session), fresh_logits(model, expected))
          << set->name << ", " << kv_type << ", rewound to " << n;
    }
  }
}

TEST(Session, RewindingFreesThePages) {
  constexpr size_t kPage = kPagePositions;
  auto session = Session::create(tiny_model(), {.n_ctx = uint32_t{3 * kPage}});
  append_all(**session, some_tokens(2 * kPage + 1));
  const uint64_t page = (*session)->kv_bytes() / 3;
  const struct {
    size_t n;
    uint64_t pages;
  } cases[] = {{9 * kPage, 3}, {2 * kPage + 1, 3}, {2 * kPage, 2},
               {kPage + 1, 2}, {kPage, 1},         {1, 1},
               {0, 0}};
  for (const auto& c : cases) {
    (*session)->rewind(c.n);
    EXPECT_EQ((*session)->kv_bytes(), c.pages * page) << c.n;
  }
}

TEST(Session, PartsOfAPassGiveItsBitsAndCanBeGivenUp) {
  TinyLlama tiny;
  tiny.n_layer = 9;
  const auto model = load_bytes(tiny.file());
  const auto tokens = some_tokens(60);
  const auto expected = fresh_logits(*model, tokens);
  for (const size_t given_up : {0u, 1u, 3u}) {
    auto session = Session::create(*model, {});
    for (size_t first = 0; first < tokens.size(); first += 20) {
      for (size_t i = 0; i < given_up; ++i) {
        EXPECT_FALSE(*(*session)->append_part(other_tokens(32), LogitRows::kAll));
        (*session)->rewind((*session)->n_past());
      }
      size_t n_parts = 1;
      const std::span batch(tokens.data() + first, 20);
      while (!*(*session)->append_part(batch, LogitRows::kLast)) {
        ++n_parts;
        EXPECT_EQ((*session)->n_past(), first);
      }
      EXPECT_EQ(n_parts, 5u) << "9 layers, 2 a part";
    }
    EXPECT_EQ(logits_of(**session), expected);
  }
}

TEST(Session, SessionsOfOneModelDoNotDisturbEachOther) {
  const auto model = tiny_model();
  const std::vector<int32_t> tokens[] = {some_tokens(90), other_tokens(90)};
  std::unique_ptr<Session> sessions[2];
  for (auto& session : sessions) session = Session::create(model, {}).value();
  for (size_t i = 0; i < 90; i += 30) {
    bool done[2] = {};
    while (!done[0] || !done[1]) {
      for (size_t s = 0; s < 2; ++s) {
        if (done[s]) continue;
        done[s] = *sessions[s]->append_part({tokens[s].data() + i, 30}, LogitRows::kLast);
      }
    }
  }
  for (size_t s = 0; s < 2; ++s) EXPECT_EQ(logits_of(*sessions[s]), fresh_logits(model, tokens[s]));
}

// With one layer, keys and values depend on their own token alone, so turning the keys back is all
// that is to be done; what is stored in less than 32 bits is rounded twice.
TEST(Session, RemovedTokensAreAsIfTheyHadNeverBeen) {
  const struct {
    const char* name;
    std::function<void(testing::GgufBuilder&)> add;
  } ropes[] = {
      {"plain", [](auto&) {}},
      {"half of a head", [](auto& b) { b.u32("llama.rope.dimension_count", 4); }},
      {"linear",
       [](auto& b) {
         b.string("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 4);
       }},
      {"YaRN",
       [](auto& b) {
         b.string("llama.rope.scaling.type", "yarn").f32("llama.rope.scaling.factor", 4);
         b.u32("llama.rope.scaling.original_context_length", 64);
       }},
      {"Llama 3",
       [](auto& b) { b.tensor("rope_freqs.weight", TensorType::kF32, {4}, {1, 2, 4, 8}); }},
  };
  const struct {
    size_t first, n;
  } removals[] = {{0, 1}, {0, 70}, {5, 64}, {5, 70}, {64, 64}, {100, 49}, {149, 1}, {0, 150}};
  const auto tokens = some_tokens(150);
  const auto next = other_tokens(3);
  for (const auto& rope : ropes) {
    TinyLlama tiny;
    tiny.n_layer = 1;
    tiny.add = rope.add;
    const auto file = tiny.file();
    for (const auto& [set, kv_type] : sets_and_kv_types()) {
      const auto model = load_bytes(file, 0, {.kernels = set->name, .kv_type = kv_type});
      ASSERT_TRUE(model.ok()) << model.status().message();
      const std::string_view type = kv_type;
      const float bound = type == "f32" ? 2e-4f : type == "f16" ? 1e-2f : 0.1f;
      for (const auto& [first, n] : removals) {
        auto session = Session::create(*model, {.n_ctx = 300});
        append_all(**session, tokens);
        ASSERT_TRUE(*(*session)->remove_part(first, n));
        append_all(**session, next);
        auto left = tokens;
        left.erase(left.begin() + static_cast<long>(first),
                   left.begin() + static_cast<long>(first + n));
        left = joined(left, next);
        ASSERT_TRUE(std::ranges::equal((*session)->tokens(), left));
        const auto expected = fresh_logits(*model, left);
        for (size_t i = 0; i < expected.size(); ++i) {
          ASSERT_NEAR((*session)->logits()[i], expected[i], bound)
              << rope.name << ", " << set->name << ", " << kv_type << ", " << n << " from " << first
              << ", logit " << i;
        }
      }
    }
  }
}

TEST(Session, ARemovalThatIsGivenUpLeavesWhatStoodBeforeIt) {
  const auto model = tiny_model();
  const auto tokens = some_tokens(1500);
  const auto others = other_tokens(40);
  const auto expected = fresh_logits(model, joined(std::span(tokens).first(70), others));
  for (const bool rewinds : {true, false}) {
    auto session = Session::create(model, {.n_ctx = 2000});
    append_all(**session, tokens);
    ASSERT_FALSE(*(*session)->remove_part(70, 5)) << "so many take two parts";
    if (rewinds) (*session)->rewind(1400);
    append_all(**session, others);
    EXPECT_EQ((*session)->n_past(), 110u);
    EXPECT_EQ(logits_of(**session), expected);
  }
}

TEST(Session, RefusesToRemoveWhatIsNotThere) {
  auto session = Session::create(tiny_model(), {});
  append_all(**session, some_tokens(10));
  constexpr size_t kHuge = std::numeric_limits<size_t>::max();
  const struct {
    size_t first, n;
  } cases[] = {{0, 11}, {10, 1}, {11, 0}, {5, 6}, {kHuge, 1}, {1, kHuge}, {kHuge, kHuge}};
  for (const auto& c : cases) {
    EXPECT_EQ((*session)->remove_part(c.first, c.n).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ((*session)->n_past(), 10u);
  }
}

TEST(Session, RefusesImpossibleOptions) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  const struct {
    SessionOptions options;
    const char* message_part;  // nullptr: it is fine
  } cases[] = {
      {{.n_ctx = (1u << 20) + 1}, "'n_ctx' is 1048577"},
      {{.n_ctx = 1, .when_full = WhenFull::kSlide}, "2 tokens or more"},
      {{.n_ctx = 2, .when_full = WhenFull::kSlide}, nullptr},
      {{.n_ctx = 1}, nullptr},
      {{.n_ctx = 64, .when_full = WhenFull::kSlide, .keep_tokens = 62}, nullptr},
      {{.n_ctx = 64, .when_full = WhenFull::kSlide, .keep_tokens = 63}, "0 to 62"},
      {{.n_ctx = 64, .when_full = WhenFull::kSlide, .keep_tokens = -1}, "'keep_tokens' is -1"},
      {{.when_full = WhenFull::kSlide, .keep_tokens = kMax}, "0 to 94"},
      {{.when_full = WhenFull::kSlide, .keep_tokens = kMin}, "0 to 94"},
      {{.keep_tokens = -1}, "'keep_tokens' is -1"},
      {{.n_ctx = 1, .keep_tokens = 1}, "0 to 0"},
  };
  const auto model = tiny_model();
  for (const auto& c : cases) {
    const Status status = Session::create(model, c.options).status();
    EXPECT_EQ(status.code(), c.message_part ? StatusCode::kInvalidArgument : StatusCode::kOk);
    if (c.message_part == nullptr) continue;
    EXPECT_NE(status.message().find(c.message_part), std::string::npos) << status.message();
  }
}

}  // namespace
}  // namespace pipit
