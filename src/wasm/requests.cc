// JSON to typed requests, by tables of fields.
#include "wasm/requests.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

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

Status read(std::string_view field, const Json& value, std::vector<std::string>& out) {
  if (!value.is_array()) return wrong(field, value, "a list of texts");
  for (const Json& element : value) {
    out.emplace_back();
    PIPIT_RETURN_IF_ERROR(read(field, element, out.back()));
  }
  return ok_status();
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

constexpr Field<TokensRequest> kGenerateFields[] = {
    PIPIT_FIELD(TokensRequest, "tokens", tokens),
    PIPIT_FIELD(TokensRequest, "n_ctx", session.n_ctx),
    PIPIT_FIELD(TokensRequest, "max_tokens", generate.max_tokens),
    PIPIT_FIELD(TokensRequest, "stop", generate.stop),
    PIPIT_FIELD(TokensRequest, "ignore_eos", generate.ignore_eos),
    PIPIT_FIELD(TokensRequest, "temperature", generate.sampling.temperature),
    PIPIT_FIELD(TokensRequest, "top_k", generate.sampling.top_k),
    PIPIT_FIELD(TokensRequest, "top_p", generate.sampling.top_p),
    PIPIT_FIELD(TokensRequest, "min_p", generate.sampling.min_p),
    PIPIT_FIELD(TokensRequest, "repeat_penalty", generate.sampling.repeat_penalty),
    PIPIT_FIELD(TokensRequest, "presence_penalty", generate.sampling.presence_penalty),
    PIPIT_FIELD(TokensRequest, "frequency_penalty", generate.sampling.frequency_penalty),
    PIPIT_FIELD(TokensRequest, "penalty_last_n", generate.sampling.penalty_last_n),
    PIPIT_FIELD(TokensRequest, "seed", generate.sampling.seed),
    PIPIT_FIELD(TokensRequest, "logit_bias", generate.sampling.logit_bias),
};

constexpr Field<TokensRequest> kLogitsFields[] = {
    PIPIT_FIELD(TokensRequest, "tokens", tokens),
    PIPIT_FIELD(TokensRequest, "n_ctx", session.n_ctx),
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

Result<TokensRequest> parse_generate_request(std::string_view json) {
  return parse<TokensRequest>(json, kGenerateFields);
}

Result<TokensRequest> parse_logits_request(std::string_view json) {
  return parse<TokensRequest>(json, kLogitsFields);
}

}  // namespace pipit
