// Typed values to JSON.
#include "wasm/responses.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "gguf/gguf.h"
#include "kernels/kernel_set.h"
#include "tokenizer/tokenizer.h"

namespace pipit {
namespace {

using Json = nlohmann::ordered_json;

// How many elements of an array `inspect` shows.
constexpr uint64_t kShownElements = 8;

// Texts from files may hold any bytes; what is no UTF-8 becomes U+FFFD.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

const char* type_name(GgufType type) {
  static constexpr const char* kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                           "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<size_t>(type)];
}

Json element(const Gguf& gguf, const GgufValue& value, uint64_t i) {
  switch (value.type) {
    case GgufType::kString:
      return Json(std::string(gguf.string(value, i)));
    case GgufType::kF32:
    case GgufType::kF64:
      return Json(gguf.number(value, i));
    case GgufType::kBool:
      return Json(gguf.integer(value, i) != 0);
    case GgufType::kU64:
      return Json(static_cast<uint64_t>(gguf.integer(value, i)));
    default:
      return Json(gguf.integer(value, i));
  }
}

Json pair_json(const Gguf& gguf, size_t i) {
  const GgufValue& value = gguf.value(i);
  Json pair;
  pair["key"] = std::string(gguf.key(i));
  if (!value.is_array) {
    pair["type"] = type_name(value.type);
    pair["value"] = element(gguf, value, 0);
    return pair;
  }
  pair["type"] = std::string("array of ") + type_name(value.type);
  pair["length"] = value.n;
  pair["value"] = Json::array();
  for (uint64_t k = 0; k < std::min(value.n, kShownElements); ++k)
    pair["value"].push_back(element(gguf, value, k));
  return pair;
}

void put_token(Json& json, const Tokenizer& tokenizer, const char* name, std::optional<Token> id) {
  Json text = nullptr;
  if (id) {
    Array<char> bytes;
    if (tokenizer.append_bytes(*id, /*special=*/true, bytes).ok())
      text = std::string(bytes.data(), bytes.size());
  }
  json[std::string(name) + "_token"] = text;
  json[std::string(name) + "_id"] = id ? Json(*id) : Json(nullptr);
}

// The texts of the tokens that only templates may produce.
Json control_tokens(const Tokenizer& tokenizer) {
  Json texts = Json::array();
  Array<char> bytes;
  for (Token id = 0; id < tokenizer.n_vocab(); ++id) {
    if (tokenizer.type(id) != TokenType::kControl) continue;
    bytes.clear();
    if (tokenizer.append_bytes(id, /*special=*/true, bytes).ok())
      texts.push_back(std::string(bytes.data(), bytes.size()));
  }
  return texts;
}

// The token's bytes may be no UTF-8, so they go as numbers. -infinity becomes null.
Json logprob_json(const TokenLogprob& logprob, const Tokenizer& tokenizer) {
  Array<char> bytes;
  Json numbers = Json::array();
  if (tokenizer.append_bytes(logprob.token, /*special=*/true, bytes).ok()) {
    for (const char byte : bytes) numbers.push_back(static_cast<uint8_t>(byte));
  }
  return {{"token", logprob.token}, {"bytes", std::move(numbers)}, {"logprob", logprob.logprob}};
}

}  // namespace

std::string model_info_json(const Model& model) {
  const ModelInfo& info = model.info();
  const Tokenizer& tokenizer = model.tokenizer();
  Json json;
  json["architecture"] = info.architecture;
  json["name"] = text_or_null(info.name);
  json["n_layer"] = info.n_layer;
  json["n_embd"] = info.n_embd;
  json["n_head"] = info.n_head;
  json["n_head_kv"] = info.n_head_kv;
  json["head_dim"] = info.head_dim;
  json["n_ff"] = info.n_ff;
  json["n_vocab"] = info.n_vocab;
  json["n_ctx_train"] = info.n_ctx_train;
  json["n_window"] = info.n_window;
  json["rope_freq_base"] = info.rope_freq_base;
  json["tokenizer"] = info.tokenizer;
  json["pooling"] = text_or_null(info.pooling);
  json["makes_text"] = info.makes_text;
  put_token(json, tokenizer, "bos", tokenizer.bos());
  put_token(json, tokenizer, "eos", tokenizer.eos());
  json["adds_bos"] = tokenizer.adds_bos();
  json["control_tokens"] = control_tokens(tokenizer);
  json["chat_template"] = text_or_null(info.chat_template);
  json["kernels"] = info.kernels;
  json["kernel_trials"] = Json::array();
  for (const KernelTrialInfo& trial : info.kernel_trials) {
    json["kernel_trials"].push_back(
        {{"name", trial.name}, {"correct", trial.is_correct}, {"gmacs", trial.gmacs}});
  }
  json["kv_type"] = info.kv_type;
  json["n_threads"] = info.n_threads;
  json["weight_bytes"] = info.weight_bytes;
  return dump(json);
}

std::string header_json(const Gguf& gguf) {
  Json json;
  json["version"] = gguf.version();
  json["alignment"] = gguf.alignment();
  json["data_offset"] = gguf.data_offset();
  json["metadata"] = Json::array();
  for (size_t i = 0; i < gguf.n_pairs(); ++i) json["metadata"].push_back(pair_json(gguf, i));
  json["tensors"] = Json::array();
  for (const TensorInfo& tensor : gguf.tensors()) {
    Json shape = Json::array();
    for (uint32_t d = 0; d < tensor.n_dims; ++d) shape.push_back(tensor.dims[d]);
    json["tensors"].push_back({{"name", std::string(tensor.name)},
                               {"type", tensor_type_info(tensor.type)->name},
                               {"shape", std::move(shape)},
                               {"bytes", tensor.n_bytes},
                               {"offset", tensor.offset}});
  }
  return dump(json);
}

std::string generation_json(const Generation& generation) {
  return dump({{"prompt_tokens", generation.n_prompt()}, {"cached_tokens", generation.n_cached()}});
}

std::string step_json(const GenerationStep& step, const std::vector<std::string>& stops,
                      const Model& model) {
  Json json;
  switch (step.phase) {
    case GenerationPhase::kPrefill:
      json = {{"phase", "prefill"}, {"done", step.n_done}, {"total", step.n_total}};
      break;
    case GenerationPhase::kDecode:
      json = {{"phase", "decode"}, {"token", step.token}, {"text", step.text}};
      for (const TokenLogprob& logprob : step.logprobs) {
        json["logprobs"].push_back(logprob_json(logprob, model.tokenizer()));
      }
      break;
    case GenerationPhase::kSlide:
      json = {{"phase", "slide"}};
      break;
    case GenerationPhase::kEnd:
      json = {{"phase", "end"},
              {"text", step.text},
              {"stop_reason", stop_reason_name(step.stop_reason)}};
      json["stop"] =
          step.stop_index < 0 ? Json(nullptr) : Json(stops[static_cast<size_t>(step.stop_index)]);
      break;
  }
  return dump(json);
}

std::string scoring_json(const Scoring& scoring, bool done) {
  if (!done) return R"({"logprobs":null})";
  Json logprobs = Json::array();
  for (const double logprob : scoring.logprobs()) logprobs.push_back(logprob);
  return dump({{"logprobs", std::move(logprobs)}});
}

std::string quantised_json(std::span<const TensorPlan> tensors) {
  const auto type = [](TensorType number) { return tensor_type_info(number)->name; };
  Json list = Json::array();
  for (const TensorPlan& tensor : tensors) {
    list.push_back({{"name", std::string(tensor.in->name)},
                    {"row", tensor.in->dims[0]},
                    {"from", type(tensor.in->type)},
                    {"to", type(tensor.type)},
                    {"wanted", type(tensor.wanted)},
                    {"bytes", tensor.n_bytes}});
  }
  return dump(list);
}

}  // namespace pipit
