// An embedding model of a few kilobytes, with TinyLlama's vocabulary.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "support/tiny_llama.h"

namespace pipit::testing {

struct TinyBert {
  uint32_t n_layer = 2;
  uint32_t n_embd = 32;
  uint32_t n_head = 4;
  uint32_t n_ff = 64;
  uint32_t n_ctx_train = 96;
  uint32_t pooling_type = 1;  // mean
  // Tests change tensors through this.
  std::function<void(std::string& name, std::vector<uint64_t>& dims)> change_tensor = [](auto&,
                                                                                         auto&) {};
  std::function<void(const std::string& name, std::vector<float>& values)> change_values =
      [](auto&, auto&) {};
  std::function<void(GgufBuilder&)> add = [](GgufBuilder&) {};

  std::vector<uint8_t> file() const {
    GgufBuilder builder;
    builder.string("general.architecture", "bert");
    builder.u32("bert.block_count", n_layer).u32("bert.embedding_length", n_embd);
    builder.u32("bert.feed_forward_length", n_ff).u32("bert.attention.head_count", n_head);
    builder.u32("bert.context_length", n_ctx_train).u32("bert.pooling_type", pooling_type);
    builder.f32("bert.attention.layer_norm_epsilon", 1e-5f);
    builder.u32("tokenizer.ggml.token_type_count", 2);
    builder.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "gpt-2");
    builder.strings("tokenizer.ggml.tokens", TinyLlama::vocabulary());
    builder.strings("tokenizer.ggml.merges", {});
    add(builder);

    RandomValues random(8);
    const auto tensor = [&](std::string name, std::vector<uint64_t> dims) {
      change_tensor(name, dims);
      if (name.empty()) return;
      size_t n = 1;
      for (const uint64_t dim : dims) n *= static_cast<size_t>(dim);
      std::vector<float> values = random.floats(n, dims.size() == 1 ? 1.0f : 0.5f);
      change_values(name, values);
      builder.tensor(name, TensorType::kF32, dims, values);
    };
    const auto both = [&](const std::string& name, std::vector<uint64_t> dims) {
      tensor(name + ".weight", dims);
      tensor(name + ".bias", {dims.back()});
    };
    tensor("token_embd.weight", {n_embd, TinyLlama::kVocab});
    tensor("token_types.weight", {n_embd, 2});
    tensor("position_embd.weight", {n_embd, n_ctx_train});
    both("token_embd_norm", {n_embd});
    for (uint32_t i = 0; i < n_layer; ++i) {
      const std::string block = "blk." + std::to_string(i) + ".";
      for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
        both(block + name, {n_embd, n_embd});
      }
      both(block + "attn_output_norm", {n_embd});
      both(block + "ffn_up", {n_embd, n_ff});
      both(block + "ffn_down", {n_ff, n_embd});
      both(block + "layer_output_norm", {n_embd});
    }
    return builder.build();
  }
};

}  // namespace pipit::testing
