// The JSON requests that JavaScript sends, read into typed structs. Every field is checked; unknown
// ones are errors.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/array.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

struct LoadRequest {
  uint64_t file_size = 0;    // bytes; 0: unknown
  bool header_only = false;  // stop when the header is whole, for `inspect`
  LoadOptions options;
};

struct TokensRequest {
  Array<int32_t> tokens;
  SessionOptions session;
  GenerateOptions generate;  // only where text is generated
};

// Errors of all: kInvalidArgument, naming the field, its value and what is expected.
Result<LoadRequest> parse_load_request(std::string_view json);
Result<TokensRequest> parse_generate_request(std::string_view json);
Result<TokensRequest> parse_logits_request(std::string_view json);

}  // namespace pipit
