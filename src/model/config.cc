// Metadata to checked hyper-parameters.
#include "model/config.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <optional>

#include "base/quote.h"
#include "base/str_cat.h"
#include "kernels/kv_layout.h"

namespace pipit {
namespace {

constexpr const char* kTokenTypeCount = "tokenizer.ggml.token_type_count";
constexpr uint32_t kMaxTokenTypes = 1024;  // real models have two

Result<Rope> read_rope(const HyperParameters& parameters, uint32_t n_ctx_train) {
  const Gguf& gguf = parameters.gguf();
  Rope rope;
  PIPIT_ASSIGN_OR_RETURN(rope.freq_base, parameters.positive("rope.freq_base", rope.freq_base));
  // llama.cpp takes a missing type for linear, the older key for the factor, and a factor of 0 for
  // none.
  PIPIT_ASSIGN_OR_RETURN(const std::string_view type,
                         gguf.get_string(parameters.key("rope.scaling.type"), "linear"));
  PIPIT_ASSIGN_OR_RETURN(const float old_factor,
                         gguf.get_f32(parameters.key("rope.scale_linear"), 0.0f));
  const std::string factor_key = parameters.key("rope.scaling.factor");
  PIPIT_ASSIGN_OR_RETURN(const float factor, gguf.get_f32(factor_key, old_factor));
  PIPIT_ASSIGN_OR_RETURN(rope.n_ctx_orig, parameters.count("rope.scaling.original_context_length",
                                                           kMaxContext, n_ctx_train));
  PIPIT_ASSIGN_OR_RETURN(rope.magnitude, parameters.positive("rope.scaling.attn_factor", 1.0f));
  if (!std::isfinite(factor) || factor < 0) {
    return Status(StatusCode::kInvalidFile,
                  str_cat("'", factor_key, "' is ", double{factor}, "; it must be positive."));
  }
  const bool is_yarn = type == "yarn";
  if (!is_yarn && type != "none" && type != "linear" && type != "longrope") {
    return Status(StatusCode::kUnsupported,
                  str_cat("RoPE scaling ", quote(type),
                          " is not supported. Supported: none, linear, yarn, longrope, and the "
                          "tensor 'rope_freqs.weight' of Llama 3."));
  }
  if (type == "none" || factor == 0) return rope;
  rope.scaling = is_yarn ? RopeScaling::kYarn : RopeScaling::kLinear;
  rope.factor = factor;
  if (is_yarn) rope.magnitude *= 1.0f + 0.1f * std::log(factor);
  return rope;
}

// `pooling_type`, by llama.cpp's numbers.
Result<std::optional<Pooling>> read_pooling(const HyperParameters& parameters) {
  constexpr std::optional<Pooling> kByNumber[] = {
      {}, Pooling::kMean, Pooling::kCls, Pooling::kLast};
  const std::string key = parameters.key("pooling_type");
  PIPIT_ASSIGN_OR_RETURN(const uint32_t type, parameters.gguf().get_u32(key, 0));
  if (type < std::size(kByNumber)) return kByNumber[type];
  return Status(
      StatusCode::kUnsupported,
      str_cat("'", key, "' is ", type, type == 4 ? " (a reranker)" : "",
              ", which is not supported. Supported: 0 (none), 1 (mean), 2 (cls), 3 (last)."));
}

// Relations between the numbers that the computation relies on.
Status check_relations(const HyperParameters& parameters, const Config& config) {
  if (config.n_head % config.n_head_kv != 0) {
    return {StatusCode::kInvalidFile,
            str_cat("'", parameters.key("attention.head_count"), "' is ", config.n_head,
                    ", which is no multiple of head_count_kv, ", config.n_head_kv, ".")};
  }
  if (config.n_rot % 2 != 0 || config.n_rot > config.head_dim) {
    return {StatusCode::kInvalidFile,
            str_cat("'", parameters.key("rope.dimension_count"), "' is ", config.n_rot,
                    "; it must be even and at most the head's size, ", config.head_dim, ".")};
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

uint32_t Config::n_window() const {
  uint32_t longest = 0;
  for (const LayerConfig& layer : layers) longest = std::max(longest, layer.n_window);
  return longest;
}

Result<Config> read_config(const HyperParameters& parameters, const Traits& traits) {
  Config config;
  config.traits = traits;
  struct Field {
    const char* name;
    uint32_t Config::* member;
    uint32_t max;
    std::optional<uint32_t> fallback = {};
  };
  const auto read = [&](std::initializer_list<Field> fields) -> Status {
    for (const Field& field : fields) {
      PIPIT_ASSIGN_OR_RETURN(config.*field.member,
                             parameters.count(field.name, field.max, field.fallback));
    }
    return ok_status();
  };
  PIPIT_RETURN_IF_ERROR(read({
      {"block_count", &Config::n_layer, kMaxLayers},
      {"embedding_length", &Config::n_embd, kMaxWidth},
      {"feed_forward_length", &Config::n_ff, kMaxWidth},
      {"attention.head_count", &Config::n_head, kMaxHeads},
      {"context_length", &Config::n_ctx_train, kMaxContext},
  }));
  const uint32_t default_head_dim = config.n_embd / config.n_head;
  PIPIT_RETURN_IF_ERROR(read({
      {"attention.head_count_kv", &Config::n_head_kv, kMaxHeads, config.n_head},
      {"attention.key_length", &Config::head_dim, kMaxHeadDim, default_head_dim},
      {"attention.value_length", &Config::head_dim_v, kMaxHeadDim, default_head_dim},
  }));
  if (!traits.has_positions) {
    PIPIT_ASSIGN_OR_RETURN(
        config.n_rot,
        parameters.gguf().get_u32(parameters.key("rope.dimension_count"), config.head_dim));
  }
  PIPIT_ASSIGN_OR_RETURN(
      config.norm_eps,
      parameters.positive(traits.norm == NormKind::kRms ? "attention.layer_norm_rms_epsilon"
                                                        : "attention.layer_norm_epsilon"));
  PIPIT_ASSIGN_OR_RETURN(const Rope rope, read_rope(parameters, config.n_ctx_train));
  PIPIT_RETURN_IF_ERROR(check_relations(parameters, config));
  PIPIT_ASSIGN_OR_RETURN(config.n_vocab, read_n_vocab(parameters.gguf()));
  PIPIT_ASSIGN_OR_RETURN(
      config.is_causal,
      parameters.gguf().get_bool(parameters.key("attention.causal"), !traits.is_encoder));
  PIPIT_ASSIGN_OR_RETURN(config.pooling, read_pooling(parameters));
  if (traits.is_encoder && parameters.gguf().find(kTokenTypeCount) != nullptr) {
    PIPIT_ASSIGN_OR_RETURN(config.n_token_types, parameters.gguf().get_u32(kTokenTypeCount));
    if (config.n_token_types > kMaxTokenTypes) {
      return Status(StatusCode::kLimitExceeded,
                    str_cat("'", kTokenTypeCount, "' is ", config.n_token_types,
                            "; pipit accepts at most ", kMaxTokenTypes, "."));
    }
  }
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim));
  config.ropes.push_back(rope);
  config.layers.resize(config.n_layer);
  if (traits.has_positions) {
    for (LayerConfig& layer : config.layers) layer.rope = LayerConfig::kNoRope;
  }
  return config;
}

}  // namespace pipit
