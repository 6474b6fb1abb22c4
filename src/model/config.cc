// Metadata to checked hyper-parameters.
#include "model/config.h"

#include <cmath>

#include "base/quote.h"
#include "base/str_cat.h"
#include "kernels/kv_layout.h"

namespace pipit {
namespace {

Status check_range(std::string_view key, uint32_t value, uint32_t max) {
  if (value == 0) {
    return {StatusCode::kInvalidFile, str_cat("'", key, "' is 0; it must be at least 1.")};
  }
  if (value > max) {
    return {StatusCode::kLimitExceeded,
            str_cat("'", key, "' is ", value, "; pipit accepts at most ", max, ".")};
  }
  return ok_status();
}

Status read_rope_scaling(const Gguf& gguf, const std::string& prefix, Config& config) {
  // llama.cpp takes a missing type for linear, the older key for the factor, and a factor of 0 for
  // none.
  PIPIT_ASSIGN_OR_RETURN(const std::string_view type,
                         gguf.get_string(prefix + "rope.scaling.type", "linear"));
  PIPIT_ASSIGN_OR_RETURN(const float old_factor, gguf.get_f32(prefix + "rope.scale_linear", 0.0f));
  PIPIT_ASSIGN_OR_RETURN(const float factor,
                         gguf.get_f32(prefix + "rope.scaling.factor", old_factor));
  PIPIT_ASSIGN_OR_RETURN(
      config.n_ctx_orig,
      gguf.get_u32(prefix + "rope.scaling.original_context_length", config.n_ctx_train));
  PIPIT_RETURN_IF_ERROR(
      check_range(prefix + "rope.scaling.original_context_length", config.n_ctx_orig, kMaxContext));
  if (!std::isfinite(factor) || factor < 0) {
    return {StatusCode::kInvalidFile, str_cat("'", prefix, "rope.scaling.factor' is ",
                                              double{factor}, "; it must be positive.")};
  }
  const bool is_yarn = type == "yarn";
  if (!is_yarn && type != "none" && type != "linear") {
    return {StatusCode::kUnsupported,
            str_cat("RoPE scaling ", quote(type),
                    " is not supported. Supported: none, linear, yarn, and the tensor "
                    "'rope_freqs.weight' of Llama 3.")};
  }
  if (type == "none" || factor == 0) return ok_status();
  config.rope_scaling = is_yarn ? RopeScaling::kYarn : RopeScaling::kLinear;
  config.rope_factor = factor;
  return ok_status();
}

// Relations between the numbers that the computation relies on.
Status check_relations(const std::string& prefix, const Config& config) {
  if (config.n_head % config.n_head_kv != 0) {
    return {StatusCode::kInvalidFile,
            str_cat("'", prefix, "attention.head_count' is ", config.n_head,
                    ", which is no multiple of head_count_kv, ", config.n_head_kv, ".")};
  }
  if (config.n_rot % 2 != 0 || config.n_rot > config.head_dim) {
    return {StatusCode::kInvalidFile,
            str_cat("'", prefix, "rope.dimension_count' is ", config.n_rot,
                    "; it must be even and at most the head's size, ", config.head_dim, ".")};
  }
  if (!(config.rms_norm_eps >= 0) || !std::isfinite(config.rms_norm_eps)) {
    return {StatusCode::kInvalidFile,
            str_cat("'", prefix, "attention.layer_norm_rms_epsilon' is ",
                    double{config.rms_norm_eps}, "; it must be a small positive number.")};
  }
  if (!(config.rope_freq_base > 0) || !std::isfinite(config.rope_freq_base)) {
    return {StatusCode::kInvalidFile,
            str_cat("'", prefix, "rope.freq_base' is ", double{config.rope_freq_base},
                    "; it must be positive.")};
  }
  return ok_status();
}

// Rows of 'token_embd.weight'. A split model's may be in a later file; its vocabulary is in the
// first.
Result<uint32_t> read_n_vocab(const Gguf& gguf) {
  const TensorInfo* embedding = gguf.find_tensor("token_embd.weight");
  uint64_t n_vocab = 0;
  if (embedding != nullptr) {
    n_vocab = embedding->dims[1];
  } else if (gguf.find("split.count") != nullptr) {
    PIPIT_ASSIGN_OR_RETURN(const GgufValue* const tokens,
                           gguf.get_array("tokenizer.ggml.tokens", GgufType::kString));
    n_vocab = tokens != nullptr ? tokens->n : 0;
  } else {
    return Status(StatusCode::kInvalidFile,
                  "Tensor 'token_embd.weight' is missing. The file is no complete language model.");
  }
  if (n_vocab == 0 || n_vocab > kMaxVocab) {
    return Status(StatusCode::kLimitExceeded,
                  str_cat("Tensor 'token_embd.weight' has ", n_vocab, " rows; pipit accepts 1 to ",
                          kMaxVocab, "."));
  }
  return static_cast<uint32_t>(n_vocab);
}

}  // namespace

Result<Config> read_config(const Gguf& gguf, std::string_view architecture) {
  const std::string prefix = str_cat(architecture, ".");
  Config config;

  struct Field {
    const char* key;
    uint32_t Config::* member;
    uint32_t max;
  };
  const Field required[] = {
      {"block_count", &Config::n_layer, kMaxLayers},
      {"embedding_length", &Config::n_embd, kMaxWidth},
      {"feed_forward_length", &Config::n_ff, kMaxWidth},
      {"attention.head_count", &Config::n_head, kMaxHeads},
      {"context_length", &Config::n_ctx_train, kMaxContext},
  };
  for (const Field& field : required) {
    const std::string key = prefix + field.key;
    PIPIT_ASSIGN_OR_RETURN(config.*field.member, gguf.get_u32(key));
    PIPIT_RETURN_IF_ERROR(check_range(key, config.*field.member, field.max));
  }

  const uint32_t default_head_dim = config.n_embd / config.n_head;
  struct DefaultedField {
    const char* key;
    uint32_t Config::* member;
    uint32_t max;
    uint32_t fallback;
  };
  const DefaultedField optional[] = {
      {"attention.head_count_kv", &Config::n_head_kv, kMaxHeads, config.n_head},
      {"attention.key_length", &Config::head_dim, kMaxHeadDim, default_head_dim},
      {"attention.value_length", &Config::head_dim_v, kMaxHeadDim, default_head_dim},
  };
  for (const DefaultedField& field : optional) {
    const std::string key = prefix + field.key;
    PIPIT_ASSIGN_OR_RETURN(config.*field.member, gguf.get_u32(key, field.fallback));
    PIPIT_RETURN_IF_ERROR(check_range(key, config.*field.member, field.max));
  }
  PIPIT_ASSIGN_OR_RETURN(config.n_rot,
                         gguf.get_u32(prefix + "rope.dimension_count", config.head_dim));
  PIPIT_ASSIGN_OR_RETURN(config.rms_norm_eps,
                         gguf.get_f32(prefix + "attention.layer_norm_rms_epsilon"));
  PIPIT_ASSIGN_OR_RETURN(config.rope_freq_base, gguf.get_f32(prefix + "rope.freq_base", 10000.0f));
  PIPIT_RETURN_IF_ERROR(read_rope_scaling(gguf, prefix, config));
  PIPIT_RETURN_IF_ERROR(check_relations(prefix, config));

  PIPIT_ASSIGN_OR_RETURN(config.n_vocab, read_n_vocab(gguf));
  return config;
}

}  // namespace pipit
