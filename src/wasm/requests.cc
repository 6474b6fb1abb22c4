// JSON to typed requests, by tables of fields.
#include "wasm/requests.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/quote.h"
#include "base/str_cat.h"

namespace pipit {
namespace {

using Json = nlohmann::json;

Status wrong(std::string_view field, const Json& value, std::string_view expected) {
  std::string text;
  if (value.is_structured()) {  // dump() calls itself for every level
    text = str_cat("an ", value.type_name());
  } else {
    text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > 64) text = text.substr(0, 61) + "...";
  }
  return {StatusCode::kInvalidArgument,
          str_cat("'", field, "' is ", text, "; it must be ", expected, ".")};
}

Status read(std::string_view field, const Json& value, bool& out) {
  if (!value.is_boolean()) return wrong(field, value, "true or false");
  out = value.get<bool>();
  return ok_status();
}

Status read(std::string_view field, const Json& value, std::string& out) {
  if (!value.is_string()) return wrong(field, value, "a text");
  out = value.get<std::string>();
  return ok_status();
}

Status read(std::string_view field, const Json& value, float& out) {
  if (!value.is_number()) return wrong(field, value, "a number");
  out = value.get<float>();
  return ok_status();
}

template <std::integral Integer>
Status read(std::string_view field, const Json& value, Integer& out) {
  using Limits = std::numeric_limits<Integer>;
  // JavaScript writes every whole number below 1e21 without a point; nlohmann keeps those as
  // integers.
  const bool fits = value.is_number_unsigned()
                        ? value.get<uint64_t>() <= static_cast<uint64_t>(Limits::max())
                        : value.is_number_integer() && Limits::is_signed &&
                              value.get<int64_t>() >= int64_t(Limits::min());
  if (!fits) {
    return wrong(field, value,
                 str_cat("a whole number from ", Limits::min(), " to ", Limits::max()));
  }
  out = value.get<Integer>();
  return ok_status();
}

Status read(std::string_view field, const Json& value, WhenFull& out) {
  if (value != "stop" && value != "slide") return wrong(field, value, "\"stop\" or \"slide\"");
  out = value == "slide" ? WhenFull::kSlide : WhenFull::kStop;
  return ok_status();
}

Status read(std::string_view field, const Json& value, std::optional<Pooling>& out) {
  constexpr std::pair<std::string_view, std::optional<Pooling>> kNames[] = {
      {"auto", {}}, {"mean", Pooling::kMean}, {"cls", Pooling::kCls}, {"last", Pooling::kLast}};
  for (const auto& [name, pooling] : kNames) {
    if (value != name) continue;
    out = pooling;
    return ok_status();
  }
  return wrong(field, value, "\"auto\", \"mean\", \"cls\" or \"last\"");
}

Status read(std::string_view field, const Json& value, Array<int32_t>& out) {
  if (!value.is_array()) return wrong(field, value, "a list of token ids");
  PIPIT_RETURN_IF_ERROR(out.reserve(value.size()));
  for (const Json& element : value) {
    int32_t id = 0;
    PIPIT_RETURN_IF_ERROR(read(field, element, id));
    PIPIT_RETURN_IF_ERROR(out.push_back(id));
  }
  return ok_status();
}

// Found by name alone: the template below cannot look up what comes after it.
Status read(std::string_view field, const Json& value, std::vector<int32_t>& out);

template <typename Element>
Status read_list(std::string_view field, const Json& value, std::string_view expected,
                 std::vector<Element>& out) {
  if (!value.is_array()) return wrong(field, value, expected);
  for (const Json& element : value) {
    out.emplace_back();
    PIPIT_RETURN_IF_ERROR(read(field, element, out.back()));
  }
  return ok_status();
}

Status read(std::string_view field, const Json& value, std::vector<std::string>& out) {
  return read_list(field, value, "a list of texts", out);
}

Status read(std::string_view field, const Json& value, std::vector<int32_t>& out) {
  return read_list(field, value, "a list of token ids", out);
}

Status read(std::string_view field, const Json& value, std::vector<std::vector<int32_t>>& out) {
  return read_list(field, value, "a list of lists of token ids", out);
}

Status read(std::string_view field, const Json& value, std::vector<LogitBias>& out) {
  constexpr std::string_view kExpected = "a list of [token id, bias] pairs";
  if (!value.is_array()) return wrong(field, value, kExpected);
  for (const Json& pair : value) {
    if (!pair.is_array() || pair.size() != 2) return wrong(field, value, kExpected);
    LogitBias bias = {};
    PIPIT_RETURN_IF_ERROR(read(field, pair[0], bias.token));
    if (pair[1].is_null()) {  // JSON has no infinities: null is JavaScript's -Infinity
      bias.bias = -INFINITY;
    } else {
      PIPIT_RETURN_IF_ERROR(read(field, pair[1], bias.bias));
    }
    out.push_back(bias);
  }
  return ok_status();
}

template <typename Request>
struct Field {
  const char* name;
  Status (*read)(std::string_view field, const Json& value, Request& request);
};

#define PIPIT_FIELD(Request, name, member)                                  \
  Field<Request> {                                                          \
    name, [](std::string_view field, const Json& value, Request& request) { \
      return read(field, value, request.member);                            \
    }                                                                       \
  }

constexpr Field<LoadRequest> kLoadFields[] = {
    PIPIT_FIELD(LoadRequest, "file_size", file_size),
    PIPIT_FIELD(LoadRequest, "header_only", header_only),
    PIPIT_FIELD(LoadRequest, "kernels", options.kernels),
    PIPIT_FIELD(LoadRequest, "kv_type", options.kv_type),
    PIPIT_FIELD(LoadRequest, "n_threads", options.n_threads),
};

constexpr Field<SessionOptions> kSessionFields[] = {
    PIPIT_FIELD(SessionOptions, "n_ctx", n_ctx),
    PIPIT_FIELD(SessionOptions, "when_full", when_full),
    PIPIT_FIELD(SessionOptions, "keep_tokens", keep_tokens),
};

constexpr Field<GenerateRequest> kGenerateFields[] = {
    PIPIT_FIELD(GenerateRequest, "tokens", tokens),
    PIPIT_FIELD(GenerateRequest, "max_tokens", options.max_tokens),
    PIPIT_FIELD(GenerateRequest, "stop", options.stop),
    PIPIT_FIELD(GenerateRequest, "ignore_eos", options.ignore_eos),
    PIPIT_FIELD(GenerateRequest, "logprobs", options.logprobs),
    PIPIT_FIELD(GenerateRequest, "temperature", options.sampling.temperature),
    PIPIT_FIELD(GenerateRequest, "top_k", options.sampling.top_k),
    PIPIT_FIELD(GenerateRequest, "top_p", options.sampling.top_p),
    PIPIT_FIELD(GenerateRequest, "min_p", options.sampling.min_p),
    PIPIT_FIELD(GenerateRequest, "repeat_penalty", options.sampling.repeat_penalty),
    PIPIT_FIELD(GenerateRequest, "presence_penalty", options.sampling.presence_penalty),
    PIPIT_FIELD(GenerateRequest, "frequency_penalty", options.sampling.frequency_penalty),
    PIPIT_FIELD(GenerateRequest, "penalty_last_n", options.sampling.penalty_last_n),
    PIPIT_FIELD(GenerateRequest, "seed", options.sampling.seed),
    PIPIT_FIELD(GenerateRequest, "logit_bias", options.sampling.logit_bias),
};

constexpr Field<ScoreRequest> kScoreFields[] = {
    PIPIT_FIELD(ScoreRequest, "tokens", tokens),
    PIPIT_FIELD(ScoreRequest, "candidates", candidates),
};

constexpr Field<EmbedRequest> kEmbedFields[] = {
    PIPIT_FIELD(EmbedRequest, "tokens", tokens),
    PIPIT_FIELD(EmbedRequest, "pooling", options.pooling),
};

struct LogitsRequest {
  Array<int32_t> tokens;
};

constexpr Field<LogitsRequest> kLogitsFields[] = {
    PIPIT_FIELD(LogitsRequest, "tokens", tokens),
};

constexpr Field<QuantiseRequest> kQuantiseFields[] = {
    PIPIT_FIELD(QuantiseRequest, "file_size", file_size),
    PIPIT_FIELD(QuantiseRequest, "type", type),
    PIPIT_FIELD(QuantiseRequest, "n_threads", n_threads),
};

#undef PIPIT_FIELD

template <typename Request>
Result<Request> parse(std::string_view text, std::span<const Field<Request>> fields) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Status(StatusCode::kInvalidArgument, "The request is no JSON object; it must be one.");
  }
  Request request;
  for (const auto& [name, value] : json.items()) {
    const Field<Request>* match = nullptr;
    for (const Field<Request>& field : fields) {
      if (name == field.name) match = &field;
    }
    if (match == nullptr) {
      std::string names;
      for (const Field<Request>& field : fields)
        names += str_cat(names.empty() ? "" : ", ", field.name);
      return Status(StatusCode::kInvalidArgument,
                    str_cat("There is no option ", quote(name), ". The options are: ", names, "."));
    }
    PIPIT_RETURN_IF_ERROR(match->read(match->name, value, request));
  }
  return request;
}

}  // namespace

Result<LoadRequest> parse_load_request(std::string_view json) {
  return parse<LoadRequest>(json, kLoadFields);
}

Result<SessionOptions> parse_session_request(std::string_view json) {
  return parse<SessionOptions>(json, kSessionFields);
}

Result<GenerateRequest> parse_generate_request(std::string_view json) {
  return parse<GenerateRequest>(json, kGenerateFields);
}

Result<ScoreRequest> parse_score_request(std::string_view json) {
  return parse<ScoreRequest>(json, kScoreFields);
}

Result<EmbedRequest> parse_embed_request(std::string_view json) {
  return parse<EmbedRequest>(json, kEmbedFields);
}

Result<Array<int32_t>> parse_logits_request(std::string_view json) {
  PIPIT_ASSIGN_OR_RETURN(LogitsRequest request, parse<LogitsRequest>(json, kLogitsFields));
  return std::move(request.tokens);
}

Result<QuantiseRequest> parse_quantise_request(std::string_view json) {
  return parse<QuantiseRequest>(json, kQuantiseFields);
}

}  // namespace pipit
