// Embeddings: how a model's vectors come about in parts, and what is refused. Their values are
// compared with llama.cpp's in tests/golden.
#include <gtest/gtest.h>

#include <cmath>

#include "support/sessions.h"
#include "support/tiny_bert.h"

namespace pipit {
namespace {

using testing::GgufBuilder;
using testing::load_bytes;
using testing::some_tokens;
using testing::TinyBert;
using testing::TinyLlama;

std::vector<float> embed(const std::shared_ptr<const Model>& model, std::span<const int32_t> tokens,
                         const EmbedOptions& options = {}) {
  const auto embedding = Embedding::create(model, tokens, options);
  EXPECT_TRUE(embedding.ok()) << embedding.status().message();
  if (!embedding.ok()) return {};
  for (bool is_done = false; !is_done;) {
    const Result<bool> step = (*embedding)->step();
    EXPECT_TRUE(step.ok()) << step.status().message();
    if (!step.ok()) return {};
    is_done = *step;
  }
  return {(*embedding)->vector().begin(), (*embedding)->vector().end()};
}

std::shared_ptr<const Model> load(const std::vector<uint8_t>& file,
                                  const LoadOptions& options = {}) {
  const auto model = load_bytes(file, 0, options);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *model : nullptr;
}

TEST(Embedding, SaysWhatItIs) {
  const auto model = load(TinyBert{.pooling_type = 2}.file());
  EXPECT_EQ(model->info().architecture, "bert");
  EXPECT_EQ(model->info().pooling, "cls");
  EXPECT_FALSE(model->info().makes_text);
  const auto llama = testing::tiny_model();
  EXPECT_EQ(llama->info().pooling, "");
  EXPECT_TRUE(llama->info().makes_text);
}

TEST(Embedding, VectorsHaveTheLengthOne) {
  const auto model = load(TinyBert().file());
  for (const size_t n : {1u, 2u, 31u, 32u, 33u, 64u, 65u, 96u}) {
    double squares = 0;
    for (const float x : embed(model, some_tokens(n))) squares += double{x} * double{x};
    EXPECT_NEAR(squares, 1, 1e-6) << n;
  }
}

// With one layer the last token's vector depends on those behind the first one's only if tokens see
// what is behind them.
TEST(Embedding, TokensOfAnEncoderSeeThoseBehindThem) {
  std::vector<int32_t> tokens = some_tokens(70);
  const auto differs = [&](const std::shared_ptr<const Model>& model) {
    const EmbedOptions first = {.pooling = Pooling::kCls};
    tokens.back() = 1;
    const auto one = embed(model, tokens, first);
    tokens.back() = 2;
    return one != embed(model, tokens, first);
  };
  EXPECT_TRUE(differs(load(TinyBert().file())));
  EXPECT_FALSE(differs(testing::tiny_model()));
  TinyBert causal;
  causal.add = [](GgufBuilder& b) { b.boolean("bert.attention.causal", true); };
  EXPECT_FALSE(differs(load(causal.file())));
}

// RoPE turns pairs; learnt positions need none.
TEST(Embedding, HeadsMayBeOfAnyLength) {
  const auto model = load_bytes(TinyBert{.n_embd = 44, .n_head = 4}.file());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(embed(*model, some_tokens(40)).size(), 44u);
}

TEST(Embedding, PoolingIsTheFilesUnlessTheCallerSaysOtherwise) {
  const auto tokens = some_tokens(40);
  const auto mean = load(TinyBert{.pooling_type = 1}.file());
  const auto cls = load(TinyBert{.pooling_type = 2}.file());
  const auto last = load(TinyBert{.pooling_type = 3}.file());
  EXPECT_NE(embed(mean, tokens), embed(cls, tokens));
  EXPECT_NE(embed(cls, tokens), embed(last, tokens));
  EXPECT_EQ(embed(mean, tokens, {.pooling = Pooling::kCls}), embed(cls, tokens));
  EXPECT_EQ(embed(cls, tokens, {.pooling = Pooling::kLast}), embed(last, tokens));
  EXPECT_EQ(embed(last, tokens, {.pooling = Pooling::kMean}), embed(mean, tokens));
}

TEST(Embedding, ThreadsAndKernelSetsChangeNoBitOfSimd128) {
  const auto file = TinyBert().file();
  const auto tokens = some_tokens(75);
  const auto expected = embed(load(file, {.kernels = "reference"}), tokens);
  for (const KernelSet* set : all_kernel_sets()) {
    if (!set->is_deterministic) continue;
    for (const uint32_t n_threads : {1u, 3u}) {
      const auto model = load_bytes(file, 0, {.kernels = set->name, .n_threads = n_threads});
      if (!model.ok() && model.status().code() == StatusCode::kUnsupported) continue;  // no threads
      ASSERT_TRUE(model.ok()) << model.status().message();
      const auto actual = embed(*model, tokens);
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(actual[i], expected[i], 1e-5f) << set->name << ", " << n_threads;
      }
      if (n_threads > 1) EXPECT_EQ(actual, embed(load(file, {.kernels = set->name}), tokens));
    }
  }
}

TEST(Embedding, IsComputedInParts) {
  const auto model = load(TinyBert().file());
  // 2 layers, 2 rounds each, of at most 32 tokens; or the work of 4 tokens in both layers.
  const struct {
    size_t n_tokens, n_steps;
  } cases[] = {{1, 1}, {4, 1}, {8, 2}, {16, 4}, {32, 4}, {33, 8}, {70, 12}};
  for (const auto& c : cases) {
    const auto embedding = Embedding::create(model, some_tokens(c.n_tokens), {});
    ASSERT_TRUE(embedding.ok()) << embedding.status().message();
    size_t n_steps = 1;
    while (!*(*embedding)->step()) ++n_steps;
    EXPECT_EQ(n_steps, c.n_steps) << c.n_tokens;
  }
}

TEST(Embedding, OnceItIsDoneItStaysSo) {
  const auto embedding = Embedding::create(load(TinyBert().file()), some_tokens(70), {});
  ASSERT_TRUE(embedding.ok()) << embedding.status().message();
  while (!*(*embedding)->step()) {
  }
  const std::vector<float> vector((*embedding)->vector().begin(), (*embedding)->vector().end());
  EXPECT_TRUE(*(*embedding)->step());
  EXPECT_EQ(vector,
            std::vector<float>((*embedding)->vector().begin(), (*embedding)->vector().end()));
}

TEST(Embedding, LanguageModelsMakeThemToo) {
  const auto model = testing::tiny_model();
  const auto tokens = some_tokens(50);
  EXPECT_NE(embed(model, tokens, {.pooling = Pooling::kLast}),
            embed(model, tokens, {.pooling = Pooling::kMean}));
}

TEST(Embedding, SaysWhatIsWrong) {
  const auto bert = load(TinyBert().file());
  const auto llama = testing::tiny_model();
  const struct {
    const char* name;
    std::shared_ptr<const Model> model;
    std::vector<int32_t> tokens;
    StatusCode code;
    const char* message;
  } cases[] = {
      {"no tokens", bert, {}, StatusCode::kInvalidArgument, "The text has no tokens."},
      {"too many", bert, some_tokens(97), StatusCode::kContextFull,
       "The text has 97 tokens, but the model takes at most 96."},
      {"a token id below 0",
       bert,
       {1, -1},
       StatusCode::kInvalidArgument,
       "Token id -1 is not in the vocabulary, 0 to 95."},
      {"a large token id",
       bert,
       {96},
       StatusCode::kInvalidArgument,
       "Token id 96 is not in the vocabulary, 0 to 95."},
      {"no pooling",
       llama,
       {1},
       StatusCode::kUnsupported,
       "Use an embedding model, or say it: pooling \"mean\", \"cls\" or \"last\"."},
  };
  for (const auto& c : cases) {
    const auto embedding = Embedding::create(c.model, c.tokens, {});
    ASSERT_FALSE(embedding.ok()) << c.name;
    EXPECT_EQ(embedding.status().code(), c.code) << c.name;
    EXPECT_NE(embedding.status().message().find(c.message), std::string::npos)
        << c.name << ": " << embedding.status().message();
  }
}

TEST(Embedding, AVectorThatIsNoNumbersIsAnError) {
  for (const float value : {NAN, INFINITY, 3e38f}) {
    TinyBert tiny;
    tiny.change_values = [=](const std::string& name, std::vector<float>& values) {
      if (name == "blk.1.layer_output_norm.bias") values[5] = value;
    };
    const auto embedding = Embedding::create(load(tiny.file()), some_tokens(3), {});
    ASSERT_TRUE(embedding.ok()) << embedding.status().message();
    Result<bool> step = (*embedding)->step();
    while (step.ok() && !*step) step = (*embedding)->step();
    if (std::isfinite(value)) {
      ASSERT_TRUE(step.ok()) << step.status().message();
      EXPECT_NEAR((*embedding)->vector()[5], 1, 1e-6) << "the largest numbers are numbers";
      continue;
    }
    ASSERT_FALSE(step.ok()) << value;
    EXPECT_EQ(step.status().code(), StatusCode::kInternal);
    EXPECT_EQ(step.status().message(),
              "The text's vector has elements that are no finite numbers. The model file may be "
              "damaged: download it again, or report this as a bug.");
    EXPECT_EQ((*embedding)->step().status().message(), step.status().message());
  }
}

TEST(Embedding, AnEncoderMakesNoText) {
  const auto session = Session::create(load(TinyBert().file()), {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(session.status().message(),
            "This is an embedding model (bert): it makes vectors of texts, and no text. Use "
            "embed(), or load a language model.");
}

TEST(Embedding, FilesThatContradictThemselvesAreRefused) {
  const auto with = [](const std::string& wanted, std::vector<uint64_t> new_dims) {
    TinyBert tiny;
    tiny.change_tensor = [=](std::string& name, std::vector<uint64_t>& dims) {
      if (name != wanted) return;
      if (new_dims.empty()) name.clear();
      dims = new_dims;
    };
    return tiny.file();
  };
  const struct {
    std::vector<uint8_t> file;
    StatusCode code;
    const char* message;
  } cases[] = {
      {with("position_embd.weight", {32, 95}), StatusCode::kInvalidFile, "'position_embd.weight'"},
      {with("token_types.weight", {32, 3}), StatusCode::kInvalidFile, "'token_types.weight'"},
      {with("token_embd_norm.weight", {}), StatusCode::kInvalidFile, "'token_embd_norm.weight'"},
      {with("blk.1.layer_output_norm.weight", {31}), StatusCode::kInvalidFile,
       "'blk.1.layer_output_norm.weight'"},
      {TinyBert{.pooling_type = 4}.file(), StatusCode::kUnsupported,
       "'bert.pooling_type' is 4 (a reranker), which is not supported."},
      {TinyBert{.pooling_type = 9}.file(), StatusCode::kUnsupported, "'bert.pooling_type' is 9,"},
  };
  for (const auto& c : cases) {
    const auto model = load_bytes(c.file);
    ASSERT_FALSE(model.ok()) << c.message;
    EXPECT_EQ(model.status().code(), c.code) << model.status().message();
    EXPECT_NE(model.status().message().find(c.message), std::string::npos)
        << model.status().message();
  }
}

}  // namespace
}  // namespace pipit
