// A llama model of a few kilobytes with a one-character-a-token vocabulary, for tests of loading
// and generation.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipit/engine.h"
#include "support/gguf_builder.h"
#include "support/random_values.h"

namespace pipit::testing {

struct TinyLlama {
  uint32_t n_layer = 2;
  uint32_t n_embd = 32;
  uint32_t n_head = 4;
  uint32_t n_head_kv = 2;
  uint32_t head_dim = 8;
  uint32_t n_ff = 64;
  uint32_t n_ctx_train = 96;
  TensorType matrix_type = TensorType::kF32;
  bool tied = true;
  std::string architecture = "llama";
  // Tests change pairs and tensors through these.
  std::function<bool(const std::string& key)> keep_pair = [](const std::string&) { return true; };
  std::function<void(std::string& name, std::vector<uint64_t>& dims)> change_tensor = [](auto&,
                                                                                         auto&) {};
  std::function<void(GgufBuilder&)> add = [](GgufBuilder&) {};

  static constexpr int32_t kEos = 95;  // "<|end|>", a control token
  static constexpr uint32_t kVocab = 96;

  // Token i < 94 is the character '!' + i, token 94 the space.
  static std::vector<std::string> vocabulary() {
    std::vector<std::string> tokens;
    for (char c = '!'; c <= '~'; ++c) tokens.emplace_back(1, c);
    tokens.emplace_back("\xc4\xa0");  // Ġ: a space in GPT-2's byte alphabet
    tokens.emplace_back("<|end|>");
    return tokens;
  }

  std::vector<uint8_t> file() const {
    GgufBuilder builder;
    const auto u32 = [&](const std::string& key, uint32_t value) {
      if (keep_pair(key)) builder.u32(architecture + "." + key, value);
    };
    builder.string("general.architecture", architecture).string("general.name", "tiny");
    u32("block_count", n_layer);
    u32("embedding_length", n_embd);
    u32("feed_forward_length", n_ff);
    u32("attention.head_count", n_head);
    u32("attention.head_count_kv", n_head_kv);
    u32("attention.key_length", head_dim);
    u32("attention.value_length", head_dim);
    u32("context_length", n_ctx_train);
    if (keep_pair("attention.layer_norm_rms_epsilon")) {
      builder.f32(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);
    }
    const auto tokens = vocabulary();
    std::vector<int32_t> types(tokens.size(), 1);
    types[kEos] = 3;
    builder.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "gpt-2");
    builder.strings("tokenizer.ggml.tokens", tokens).array("tokenizer.ggml.token_type", types);
    builder.strings("tokenizer.ggml.merges", {}).u32("tokenizer.ggml.eos_token_id", kEos);
    add(builder);

    RandomValues random(7);
    const auto tensor = [&](std::string name, std::vector<uint64_t> dims, TensorType type) {
      change_tensor(name, dims);
      if (name.empty()) return;
      size_t n = 1;
      for (const uint64_t dim : dims) n *= static_cast<size_t>(dim);
      builder.tensor(name, type, dims, random.floats(n, dims.size() == 1 ? 1.0f : 0.5f));
    };
    tensor("token_embd.weight", {n_embd, kVocab}, matrix_type);
    for (uint32_t i = 0; i < n_layer; ++i) {
      const std::string block = "blk." + std::to_string(i) + ".";
      tensor(block + "attn_norm.weight", {n_embd}, TensorType::kF32);
      tensor(block + "attn_q.weight", {n_embd, n_head * head_dim}, matrix_type);
      tensor(block + "attn_k.weight", {n_embd, n_head_kv * head_dim}, matrix_type);
      tensor(block + "attn_v.weight", {n_embd, n_head_kv * head_dim}, matrix_type);
      tensor(block + "attn_output.weight", {n_head * head_dim, n_embd}, matrix_type);
      tensor(block + "ffn_norm.weight", {n_embd}, TensorType::kF32);
      tensor(block + "ffn_gate.weight", {n_embd, n_ff}, matrix_type);
      tensor(block + "ffn_up.weight", {n_embd, n_ff}, matrix_type);
      tensor(block + "ffn_down.weight", {n_ff, n_embd}, matrix_type);
    }
    tensor("output_norm.weight", {n_embd}, TensorType::kF32);
    if (!tied) tensor("output.weight", {n_embd, kVocab}, matrix_type);
    return builder.build();
  }
};

// Loads a file fed in chunks of `chunk` bytes (0: all at once).
inline Result<std::shared_ptr<const Model>> load_bytes(const std::vector<uint8_t>& file,
                                                       size_t chunk = 0,
                                                       const LoadOptions& options = {}) {
  PIPIT_ASSIGN_OR_RETURN(ModelLoader loader, ModelLoader::create(options, file.size()));
  if (chunk == 0) chunk = file.size();
  for (size_t i = 0; i < file.size(); i += chunk) {
    PIPIT_RETURN_IF_ERROR(loader.feed({file.data() + i, std::min(chunk, file.size() - i)}));
  }
  return loader.finish();
}

}  // namespace pipit::testing
