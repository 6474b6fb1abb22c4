// Loading whole models: any chunking gives the same model, and whatever is wrong with a file is
// said in a typed error.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "base/memory.h"
#include "kernels/select.h"
#include "support/tiny_llama.h"
#include "tokenizer/tokenizer.h"

namespace pipit {
namespace {

using testing::load_bytes;
using testing::RandomValues;
using testing::TinyLlama;

std::vector<float> logits_of(const std::shared_ptr<const Model>& model,
                             const std::vector<int32_t>& tokens) {
  auto session = Session::create(model, {});
  EXPECT_TRUE(session.ok()) << session.status().message();
  const Status status = (*session)->append(tokens, LogitRows::kAll);
  EXPECT_TRUE(status.ok()) << status.message();
  const auto logits = (*session)->logits();
  return {logits.begin(), logits.end()};
}

TEST(ModelLoader, AnyChunksGiveTheSameModel) {
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16,
                                TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ8_0}) {
    TinyLlama tiny;
    tiny.matrix_type = type;
    const auto file = tiny.file();
    const auto whole = load_bytes(file);
    ASSERT_TRUE(whole.ok()) << whole.status().message();
    const auto expected = logits_of(*whole, {1, 2, 3});
    for (const size_t chunk : {1u, 7u, 64u, 1000u}) {
      const auto model = load_bytes(file, chunk);
      ASSERT_TRUE(model.ok()) << model.status().message();
      EXPECT_EQ(logits_of(*model, {1, 2, 3}), expected) << "chunks of " << chunk;
    }
  }
}

TEST(ModelLoader, LoadsFiles) {
  const auto bytes = TinyLlama().file();
  const std::string path = ::testing::TempDir() + "pipit_tiny_llama.gguf";
  FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
  ASSERT_EQ(std::fclose(file), 0);
  const auto model = load_model(path);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(logits_of(*model, {1, 2, 3}), logits_of(*load_bytes(bytes), {1, 2, 3}));
  std::remove(path.c_str());
  EXPECT_EQ(load_model(path).status().code(), StatusCode::kNotFound);
}

TEST(ModelLoader, DescribesTheModel) {
  TinyLlama tiny;
  tiny.add = [](auto& builder) { builder.string("tokenizer.chat_template", "{{ messages }}"); };
  const auto model = load_bytes(tiny.file());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const ModelInfo& info = (*model)->info();
  EXPECT_EQ(info.architecture, "llama");
  EXPECT_EQ(info.name, "tiny");
  EXPECT_EQ(info.chat_template, "{{ messages }}");
  EXPECT_EQ(info.kernels, choose_kernel_set("auto")->set->name);
  EXPECT_EQ(info.n_layer, 2u);
  EXPECT_EQ(info.n_vocab, TinyLlama::kVocab);
  EXPECT_GT(info.weight_bytes, 0u);
  EXPECT_EQ((*model)->tokenizer().eos(), TinyLlama::kEos);
}

TEST(ModelLoader, RefusesImpossibleNumbersOfThreads) {
  for (const uint32_t n_threads : {0u, 65u, UINT32_MAX}) {
    EXPECT_EQ(load_bytes(TinyLlama().file(), 0, {.n_threads = n_threads}).status().code(),
              StatusCode::kInvalidArgument)
        << n_threads;
  }
}

TEST(ModelLoader, EveryKernelSetLoadsAndIsNamed) {
  for (const KernelSet* set : all_kernel_sets()) {
    const auto model = load_bytes(TinyLlama().file(), 0, {.kernels = set->name});
    ASSERT_TRUE(model.ok());
    EXPECT_EQ((*model)->info().kernels, set->name);
  }
  EXPECT_EQ(load_bytes(TinyLlama().file(), 0, {.kernels = "abacus"}).status().code(),
            StatusCode::kNotFound);
}

TEST(ModelLoader, SaysWhatIsWrong) {
  struct Case {
    const char* name;
    std::function<void(TinyLlama&)> change;
    StatusCode code;
    std::string_view message_part;
  };
  const auto without = [](const char* key) {
    return [key](TinyLlama& t) { t.keep_pair = [key](const std::string& k) { return k != key; }; };
  };
  const auto renamed = [](const char* from, const char* to) {
    return [from, to](TinyLlama& t) {
      t.change_tensor = [from, to](std::string& name, auto&) {
        if (name == from) name = to;
      };
    };
  };
  const auto shaped = [](const char* tensor, std::vector<uint64_t> shape) {
    return [tensor, shape](TinyLlama& t) {
      t.change_tensor = [tensor, shape](std::string& name, std::vector<uint64_t>& dims) {
        if (name == tensor) dims = shape;
      };
    };
  };
  const auto pair = [](const char* key, auto value) {
    return [key, value](TinyLlama& t) { t.add = [key, value](auto& b) { b.scalar(key, value); }; };
  };
  const auto text = [](const char* key, const char* value) {
    return [key, value](TinyLlama& t) { t.add = [key, value](auto& b) { b.string(key, value); }; };
  };
  const Case cases[] = {
      {"architecture", [](TinyLlama& t) { t.architecture = "mamba"; }, StatusCode::kUnsupported,
       "Supported: llama, qwen2, "},
      {"no layers given", without("block_count"), StatusCode::kInvalidFile, "llama.block_count"},
      {"no eps", without("attention.layer_norm_rms_epsilon"), StatusCode::kInvalidFile,
       "rms_epsilon"},
      {"no layers", [](TinyLlama& t) { t.n_layer = 0; }, StatusCode::kInvalidFile,
       "llama.block_count"},
      {"too many layers", [](TinyLlama& t) { t.n_layer = 600; }, StatusCode::kLimitExceeded,
       "at most 512"},
      {"heads", [](TinyLlama& t) { t.n_head_kv = 3; }, StatusCode::kInvalidFile, "no multiple"},
      {"context", [](TinyLlama& t) { t.n_ctx_train = 1u << 30; }, StatusCode::kLimitExceeded,
       "context_length"},
      {"rotated more than a head has", pair("llama.rope.dimension_count", uint32_t{10}),
       StatusCode::kInvalidFile, "at most the head's size"},
      {"rotated odd", pair("llama.rope.dimension_count", uint32_t{5}), StatusCode::kInvalidFile,
       "even"},
      {"rope base", pair("llama.rope.freq_base", -1.0f), StatusCode::kInvalidFile,
       "rope.freq_base"},
      {"rope factor", pair("llama.rope.scaling.factor", -2.0f), StatusCode::kInvalidFile,
       "scaling.factor"},
      {"rope scaling", text("llama.rope.scaling.type", "dynamic"), StatusCode::kUnsupported,
       "dynamic"},
      {"missing tensor", renamed("blk.1.ffn_up.weight", ""), StatusCode::kInvalidFile,
       "blk.1.ffn_up.weight"},
      {"unknown tensor", renamed("blk.0.attn_norm.weight", "blk.0.attn_sinks.weight"),
       StatusCode::kInvalidFile, "blk.0.attn_norm.weight"},
      {"tensor too many",
       [](TinyLlama& t) {
         t.add = [](auto& b) {
           b.tensor("blk.0.attn_sinks.weight", TensorType::kF32, {4}, {1, 2, 3, 4});
         };
       },
       StatusCode::kUnsupported, "blk.0.attn_sinks.weight"},
      {"control characters in a name",
       [](TinyLlama& t) {
         t.add = [](auto& b) { b.tensor("\x1b[2J\xff", TensorType::kF32, {1}, {1}); };
       },
       StatusCode::kUnsupported, "\"\\x1b[2J\\xff\""},
      {"missing embedding", renamed("token_embd.weight", ""), StatusCode::kInvalidFile,
       "token_embd.weight"},
      {"shape", shaped("blk.0.ffn_gate.weight", {32, 63}), StatusCode::kInvalidFile, "[63, 32]"},
      {"vocabulary", shaped("token_embd.weight", {32, 97}), StatusCode::kInvalidFile, "97 rows"},
      {"type",
       [](TinyLlama& t) {
         t.change_tensor = [](std::string& name, auto&) {
           if (name == "output_norm.weight") name = "";
         };
         t.add = [](auto& b) {
           b.raw_tensor("output_norm.weight", TensorType::kI8, {32}, std::vector<uint8_t>(32));
         };
       },
       StatusCode::kUnsupported, "I8"},
      {"infinite scale",
       [](TinyLlama& t) {
         t.change_tensor = [](std::string& name, auto&) {
           if (name == "blk.1.ffn_up.weight") name = "";
         };
         t.add = [](auto& b) {
           std::vector<uint8_t> blocks(64 * 20);  // [64, 32] in Q4_1
           blocks[57 * 20 + 3] = 0x7c;            // of the minimum
           b.raw_tensor("blk.1.ffn_up.weight", TensorType::kQ4_1, {32, 64}, blocks);
         };
       },
       StatusCode::kInvalidFile,
       "Tensor 'blk.1.ffn_up.weight' has a scale in row 57 that is infinite or not a number. The "
       "file is damaged: download it again, or, if that does not help, choose one that was "
       "quantised from sound weights."},
  };
  for (const Case& c : cases) {
    TinyLlama tiny;
    c.change(tiny);
    const auto model = load_bytes(tiny.file());
    ASSERT_FALSE(model.ok()) << c.name;
    EXPECT_EQ(model.status().code(), c.code) << c.name << ": " << model.status().message();
    EXPECT_NE(model.status().message().find(c.message_part), std::string::npos)
        << c.name << ": " << model.status().message();
  }
}

// With another value of a hyper-parameter than the tensors were made by.
Status status_with(const std::string& name, uint32_t value) {
  TinyLlama tiny;
  tiny.keep_pair = [&](const std::string& key) { return key != name; };
  tiny.add = [&](testing::GgufBuilder& b) {
    b.u32("llama." + name, value);
    b.tensor("rope_freqs.weight", TensorType::kF32, {4}, {1, 1, 1, 1});
  };
  return load_bytes(tiny.file()).status();
}

TEST(ModelLoader, HyperParametersOutOfRange) {
  struct Case {
    const char* name;
    uint32_t most;
  };
  const Case cases[] = {
      {"block_count", 512},
      {"embedding_length", 131072},
      {"feed_forward_length", 131072},
      {"attention.head_count", 1024},
      {"attention.head_count_kv", 1024},
      {"attention.key_length", 512},
      {"attention.value_length", 512},
      {"context_length", 1048576},
  };
  for (const auto& [name, most] : cases) {
    const std::string key = std::string("'llama.") + name + "'";
    const Status none = status_with(name, 0);
    EXPECT_EQ(none.code(), StatusCode::kInvalidFile) << name;
    EXPECT_EQ(none.message(), key + " is 0; it must be at least 1.");
    for (const uint32_t value : {most + 1, UINT32_MAX}) {
      const Status huge = status_with(name, value);
      EXPECT_EQ(huge.code(), StatusCode::kLimitExceeded) << name;
      EXPECT_EQ(huge.message(), key + " is " + std::to_string(value) + "; pipit accepts at most " +
                                    std::to_string(most) + ".");
    }
  }
}

TEST(ModelLoader, HyperParametersThatContradictTheTensors) {
  struct Case {
    const char* name;
    uint32_t value;  // in place of the right one
    StatusCode code;
    std::string message;
  };
  const auto shape = [](const std::string& tensor, const char* is, const char* must_be) {
    return "Tensor '" + tensor + "' has the shape " + is +
           "; by the file's hyper-parameters it must be " + must_be + ".";
  };
  constexpr auto kInvalid = StatusCode::kInvalidFile;
  const Case cases[] = {
      {"embedding_length", 64, kInvalid, shape("token_embd.weight", "[96, 32]", "[96, 64]")},
      {"feed_forward_length", 65, kInvalid, shape("blk.0.ffn_gate.weight", "[64, 32]", "[65, 32]")},
      {"attention.head_count", 8, kInvalid, shape("blk.0.attn_q.weight", "[32, 32]", "[64, 32]")},
      {"attention.head_count_kv", 4, kInvalid,
       shape("blk.0.attn_k.weight", "[16, 32]", "[32, 32]")},
      {"attention.key_length", 16, kInvalid, shape("blk.0.attn_q.weight", "[32, 32]", "[64, 32]")},
      {"attention.value_length", 16, kInvalid,
       shape("blk.0.attn_v.weight", "[16, 32]", "[32, 32]")},
      {"rope.dimension_count", 4, kInvalid, shape("rope_freqs.weight", "[1, 4]", "[1, 2]")},
      {"block_count", 3, kInvalid,
       "Tensor 'blk.2.attn_norm.weight' is missing. The file is incomplete or of another "
       "architecture."},
      {"block_count", 1, StatusCode::kUnsupported,
       "Tensor \"blk.1.attn_norm.weight\" is not one that pipit knows in this architecture; "
       "without it the answers would be wrong."},
  };
  for (const Case& c : cases) {
    const Status status = status_with(c.name, c.value);
    EXPECT_EQ(status.code(), c.code) << c.name;
    EXPECT_EQ(status.message(), c.message) << c.name;
  }
}

TEST(ModelLoader, NamesTheTypesThatWork) {
  const auto file = testing::ByteWriter()
                        .prefix(1, 0)
                        .tensor("token_embd.weight", {32, 96}, static_cast<TensorType>(999), 0)
                        .bytes;
  const Status status = load_bytes(file).status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  for (const char* part : {"token_embd.weight", "999", "Q4_1", "BF16"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  }
}

TEST(ModelLoader, RefusesFrequenciesThatAreNoNumbers) {
  TinyLlama tiny;
  tiny.add = [](auto& b) { b.tensor("rope_freqs.weight", TensorType::kF32, {4}, {1, 0, 1, 1}); };
  const auto model = load_bytes(tiny.file());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(Session::create(*model, {}).status().code(), StatusCode::kInvalidFile);
}

TEST(ModelLoader, ATruncatedFileIsNeverAModel) {
  const auto file = TinyLlama().file();
  for (size_t n = 0; n < file.size(); n += n < 3000 ? 1 : 997) {
    auto loader = ModelLoader::create({}, 0);  // as from a server that does not tell the size
    ASSERT_TRUE(loader.ok());
    ASSERT_TRUE(loader->feed({file.data(), n}).ok()) << n;
    const auto model = loader->finish();
    ASSERT_FALSE(model.ok()) << n;
    EXPECT_EQ(model.status().code(), StatusCode::kTruncated)
        << n << ": " << model.status().message();
  }
}

TEST(ModelLoader, GivesItsModelOnce) {
  const auto file = TinyLlama().file();
  auto loader = ModelLoader::create({}, file.size());
  ASSERT_TRUE(loader.ok());
  ASSERT_TRUE(loader->feed(file).ok());
  const auto model = loader->finish();
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(loader->finish().status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(loader->feed(file).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(logits_of(*model, {1}).size(), TinyLlama::kVocab);
}

TEST(ModelLoader, NoBitFlipOfTheHeaderDoesHarm) {
  TinyLlama tiny;
  tiny.n_layer = 1;
  const auto good = tiny.file();
  auto parser = GgufParser(good.size());
  const auto n_header = parser.feed(good);
  ASSERT_TRUE(n_header.ok());
  size_t n_valid = 0;
  for (size_t bit = 0; bit < *n_header * 8; ++bit) {
    auto file = good;
    file[bit / 8] = static_cast<uint8_t>(file[bit / 8] ^ (1u << (bit % 8)));
    const auto model = load_bytes(file);
    if (!model.ok()) {
      EXPECT_FALSE(model.status().message().empty());
      continue;
    }
    ++n_valid;  // a letter of a name, say: then the model also computes
    if (n_valid % 50 == 0) EXPECT_EQ(logits_of(*model, {1}).size(), (*model)->info().n_vocab);
  }
  EXPECT_GT(n_valid, 0u);
}

// Load and 16 tokens, with the allocation number `n` failing: a typed error, no crash, no leak
// (under ASan).
TEST(ModelLoader, EveryFailingAllocationIsATypedError) {
  TinyLlama tiny;
  tiny.matrix_type = TensorType::kQ4_1;
  const auto file = tiny.file();
  const auto run = [&]() -> Status {
    PIPIT_ASSIGN_OR_RETURN(const auto model, load_bytes(file, 1000));
    PIPIT_ASSIGN_OR_RETURN(const auto prompt, model->tokenizer().encode("Hello there", {}));
    PIPIT_ASSIGN_OR_RETURN(const auto session, Session::create(model, {}));
    PIPIT_ASSIGN_OR_RETURN(const auto generation,
                           Generation::create(*session, prompt.span(), {.max_tokens = 16}));
    while (true) {
      PIPIT_ASSIGN_OR_RETURN(const GenerationStep step, generation->step());
      if (step.phase == GenerationPhase::kEnd) return ok_status();
    }
  };
  int n = 0;
  for (;; ++n) {
    fail_allocation_after(n);
    const Status status = run();
    fail_allocation_after(-1);
    if (status.ok()) break;  // there are no more allocations to fail
    ASSERT_EQ(status.code(), StatusCode::kOutOfMemory)
        << "allocation " << n << ": " << status.message();
  }
  EXPECT_GT(n, 40);
}

}  // namespace
}  // namespace pipit
