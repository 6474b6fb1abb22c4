// What each family reads from the metadata, and how bad values are refused.
#include "model/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "model/architecture.h"
#include "support/gguf_builder.h"

namespace pipit {
namespace {

using testing::GgufBuilder;

constexpr uint32_t kLayers = 12;

// Of a file with the keys that every family needs, and those that `add` adds.
Result<Config> config_of(const std::string& name, const std::function<void(GgufBuilder&)>& add) {
  GgufBuilder builder;
  builder.string("general.architecture", name);
  builder.u32(name + ".embedding_length", 32).u32(name + ".feed_forward_length", 64);
  builder.u32(name + ".attention.head_count", 4).u32(name + ".context_length", 96);
  builder.f32(name + ".attention.layer_norm_rms_epsilon", 1e-5f);
  builder.f32(name + ".attention.layer_norm_epsilon", 1e-5f);
  add(builder);
  builder.tensor("token_embd.weight", TensorType::kF32, {32, 1}, std::vector<float>(32));
  const auto file = builder.build();
  GgufParser parser(file.size());
  PIPIT_RETURN_IF_ERROR(parser.feed(file).status());
  PIPIT_ASSIGN_OR_RETURN(const auto gguf, parser.finish());
  PIPIT_ASSIGN_OR_RETURN(const Architecture* const architecture, find_architecture(name));
  return read_config(*architecture, *gguf);
}

// The layers from the first on: "w" has a window, "a" sees all; in capitals, without rope.
std::string pattern_of(const Config& config) {
  std::string pattern;
  for (const LayerConfig& layer : config.layers) {
    const bool has_rope = layer.rope != LayerConfig::kNoRope;
    pattern += layer.n_window > 0 ? (has_rope ? 'w' : 'W') : (has_rope ? 'a' : 'A');
  }
  return pattern;
}

TEST(Config, WindowsAndRopesOfTheFamilies) {
  struct Case {
    const char* architecture;
    std::function<void(GgufBuilder&)> add;
    const char* pattern;
    uint32_t n_window;
    float local_base;  // of the last rope
  };
  const std::vector<bool> kEven = {true, false, true, false, true, false,
                                   true, false, true, false, true, false};
  const Case cases[] = {
      {"llama", [](auto&) {}, "aaaaaaaaaaaa", 0, 10000},
      {"llama", [](auto& b) { b.u32("llama.attention.sliding_window", 8); }, "wwwwwwwwwwww", 8,
       10000},
      {"qwen3", [](auto& b) { b.f32("qwen3.rope.freq_base", 1e6f); }, "aaaaaaaaaaaa", 0, 1e6f},
      {"gemma2", [](auto&) {}, "wawawawawawa", 4096, 10000},
      {"gemma3",
       [](auto& b) {
         b.u32("gemma3.attention.sliding_window", 512).f32("gemma3.rope.freq_base", 1e6f);
       },
       "wwwwwawwwwwa", 512, 10000},
      {"gemma3",
       [](auto& b) {
         b.u32("gemma3.attention.sliding_window", 8);
         b.u32("gemma3.attention.sliding_window_pattern", 3);
         b.f32("gemma3.rope.freq_base_swa", 500);
       },
       "wwawwawwawwa", 8, 500},
      {"gemma3",
       [&](auto& b) {
         b.u32("gemma3.attention.sliding_window", 8);
         b.array("gemma3.attention.sliding_window_pattern", kEven);
       },
       "wawawawawawa", 8, 10000},
      {"phi3", [](auto& b) { b.u32("phi3.attention.sliding_window", 8); }, "aaaaaaaaaaaa", 0,
       10000},
      {"olmo2", [](auto&) {}, "aaaaaaaaaaaa", 0, 10000},
      {"olmo2",
       [](auto& b) {
         b.u32("olmo2.attention.sliding_window", 8).f32("olmo2.rope.freq_base", 5e5f);
       },
       "wwwawwwawwwa", 8, 5e5f},
      {"smollm3", [](auto&) {}, "aaaAaaaAaaaA", 0, 10000},
      {"granite",
       [](auto& b) {
         b.f32("granite.logit_scale", 8).boolean("granite.rope.scaling.finetuned", false);
       },
       "AAAAAAAAAAAA", 0, 10000},
      {"stablelm", [](auto&) {}, "aaaaaaaaaaaa", 0, 10000},
      {"bert", [](auto&) {}, "AAAAAAAAAAAA", 0, 10000},
      {"nomic-bert", [](auto& b) { b.f32("nomic-bert.rope.freq_base", 1000); }, "aaaaaaaaaaaa", 0,
       1000},
  };
  for (const Case& c : cases) {
    const auto config = config_of(c.architecture, [&](GgufBuilder& b) {
      b.u32(std::string(c.architecture) + ".block_count", kLayers);
      c.add(b);
    });
    ASSERT_TRUE(config.ok()) << c.architecture << ": " << config.status().message();
    EXPECT_EQ(pattern_of(*config), c.pattern) << c.architecture;
    EXPECT_EQ(config->n_window(), c.n_window) << c.architecture;
    EXPECT_EQ(config->ropes.back().freq_base, c.local_base) << c.architecture;
  }
}

TEST(Config, FactorsOfTheFamilies) {
  const auto gemma = config_of("gemma2", [](GgufBuilder& b) {
    b.u32("gemma2.block_count", 46).u32("gemma2.attention.key_length", 24);
    b.f32("gemma2.attn_logit_softcapping", 20);
  });
  ASSERT_TRUE(gemma.ok()) << gemma.status().message();
  EXPECT_EQ(gemma->embedding_scale, std::sqrt(32.0f));
  EXPECT_EQ(gemma->attention_scale, 1 / std::sqrt(32.0f / 4)) << "as the 27B model has it";
  EXPECT_EQ(gemma->attention_softcap, 20.0f);
  EXPECT_EQ(gemma->logit_softcap, 30.0f);
  const auto granite = config_of("granite", [](GgufBuilder& b) {
    b.u32("granite.block_count", 2).f32("granite.embedding_scale", 12);
    b.f32("granite.residual_scale", 0.25f).f32("granite.logit_scale", 8);
  });
  ASSERT_TRUE(granite.ok()) << granite.status().message();
  EXPECT_EQ(granite->embedding_scale, 12.0f);
  EXPECT_EQ(granite->residual_scale, 0.25f);
  EXPECT_EQ(granite->attention_scale, 1 / std::sqrt(8.0f));
  EXPECT_EQ(granite->logit_scale, 0.125f);
}

TEST(Config, AListOfEqualNumbersIsANumber) {
  const auto config = config_of("llama", [](GgufBuilder& b) {
    b.u32("llama.block_count", 3);
    b.array("llama.attention.head_count_kv", std::vector<int32_t>{2, 2, 2});
  });
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->n_head_kv, 2u);
}

TEST(Config, SaysWhatIsWrong) {
  struct Case {
    const char* name;
    const char* architecture;
    std::function<void(GgufBuilder&)> add;
    StatusCode code;
    std::string_view message;
  };
  const auto f32 = [](const char* key, float value) {
    return [key, value](GgufBuilder& b) { b.f32(key, value); };
  };
  const auto numbers = [](const char* key, std::vector<int32_t> values) {
    return [key, values](GgufBuilder& b) { b.array(key, values); };
  };
  const auto window = [](const char* name, uint32_t n) {
    return [name, n](GgufBuilder& b) { b.u32(std::string(name) + ".attention.sliding_window", n); };
  };
  const Case cases[] = {
      {"heads that differ", "llama", numbers("llama.attention.head_count_kv", {4, 2}),
       StatusCode::kUnsupported,
       "'llama.attention.head_count_kv' differs from layer to layer, which is not supported."},
      {"a negative number of heads", "llama", numbers("llama.attention.head_count_kv", {-1, -1}),
       StatusCode::kLimitExceeded, "'llama.attention.head_count_kv' is 4294967295"},
      {"floats for heads", "llama",
       [](GgufBuilder& b) { b.array("llama.attention.head_count_kv", std::vector<float>{2, 2}); },
       StatusCode::kInvalidFile, "an array of integers was expected"},
      {"no heads", "llama", numbers("llama.attention.head_count_kv", {}), StatusCode::kInvalidFile,
       "an array of 0 I32 elements"},
      {"a window of 0", "llama", window("llama", 0), StatusCode::kInvalidFile,
       "'llama.attention.sliding_window' is 0; it must be at least 1."},
      {"a window of 0", "gemma3", window("gemma3", 0), StatusCode::kInvalidFile,
       "'gemma3.attention.sliding_window' is 0"},
      {"no window", "gemma3", [](GgufBuilder&) {}, StatusCode::kInvalidFile,
       "no \"gemma3.attention.sliding_window\""},
      {"a huge window", "gemma2", window("gemma2", 1u << 30), StatusCode::kLimitExceeded,
       "'gemma2.attention.sliding_window' is 1073741824"},
      {"a period of 0", "gemma2",
       [](GgufBuilder& b) { b.u32("gemma2.attention.sliding_window_pattern", 0); },
       StatusCode::kInvalidFile, "'gemma2.attention.sliding_window_pattern' is 0"},
      {"a pattern of other layers", "gemma2",
       [](GgufBuilder& b) {
         b.array("gemma2.attention.sliding_window_pattern", std::vector<bool>{true});
       },
       StatusCode::kInvalidFile, "names 1 layers, but there are 2."},
      {"a pattern of numbers", "gemma2", numbers("gemma2.attention.sliding_window_pattern", {1, 0}),
       StatusCode::kInvalidFile, "an array of bools was expected"},
      {"a local base below 0", "gemma2", f32("gemma2.rope.freq_base_swa", -1),
       StatusCode::kInvalidFile, "'gemma2.rope.freq_base_swa' is -1; it must be positive."},
      {"a cap of 0", "gemma2", f32("gemma2.attn_logit_softcapping", 0), StatusCode::kInvalidFile,
       "'gemma2.attn_logit_softcapping' is 0; it must be positive."},
      {"a cap below 0", "gemma2", f32("gemma2.final_logit_softcapping", -30),
       StatusCode::kInvalidFile, "'gemma2.final_logit_softcapping' is -30"},
      {"a cap that is no number", "gemma2", f32("gemma2.attn_logit_softcapping", NAN),
       StatusCode::kInvalidFile, "it must be positive."},
      {"no logit scale", "granite", [](GgufBuilder&) {}, StatusCode::kInvalidFile,
       "no \"granite.logit_scale\""},
      {"a logit scale of 0", "granite", f32("granite.logit_scale", 0), StatusCode::kInvalidFile,
       "'granite.logit_scale' is 0"},
      {"an infinite factor", "granite", f32("granite.residual_scale", INFINITY),
       StatusCode::kInvalidFile, "'granite.residual_scale'"},
      {"too many types", "bert",
       [](GgufBuilder& b) { b.u32("tokenizer.ggml.token_type_count", 1u << 31); },
       StatusCode::kLimitExceeded, "'tokenizer.ggml.token_type_count' is 2147483648"},
      {"LongRoPE's factor", "phi3", f32("phi3.rope.scaling.attn_factor", 0),
       StatusCode::kInvalidFile, "'phi3.rope.scaling.attn_factor' is 0"},
  };
  for (const Case& c : cases) {
    const auto config = config_of(c.architecture, [&](GgufBuilder& b) {
      b.u32(std::string(c.architecture) + ".block_count", 2);
      c.add(b);
    });
    ASSERT_FALSE(config.ok()) << c.name;
    EXPECT_EQ(config.status().code(), c.code) << c.name << ": " << config.status().message();
    EXPECT_NE(config.status().message().find(c.message), std::string::npos)
        << c.name << ": " << config.status().message();
  }
}

TEST(Architectures, AnUnknownOneIsNamedWithThoseThatWork) {
  EXPECT_EQ(find_architecture("mamba").status().message(),
            "The architecture \"mamba\" is not supported. Supported: llama, qwen2, qwen3, gemma2, "
            "gemma3, phi3, granite, olmo2, smollm3, stablelm, bert, nomic-bert.");
}

}  // namespace
}  // namespace pipit
