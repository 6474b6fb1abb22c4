// The JSON requests that JavaScript sends, read into typed structs. Every field is checked; unknown
// ones are errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/array.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

struct LoadRequest {
  uint64_t file_size = 0;    // bytes; 0: unknown
  bool header_only = false;  // stop when the header is whole, for `inspect`
  LoadOptions options;
};

struct GenerateRequest {
  Array<int32_t> tokens;
  GenerateOptions options;
};

struct ScoreRequest {
  Array<int32_t> tokens;  // the prompt
  std::vector<std::vector<int32_t>> candidates;
};

struct EmbedRequest {
  Array<int32_t> tokens;
  EmbedOptions options;
};

struct QuantiseRequest {
  uint64_t file_size = 0;  // bytes; 0: unknown
  std::string type;
  uint32_t n_threads = 1;
};

// Errors of all: kInvalidArgument, naming the field, its value and what is expected.
Result<LoadRequest> parse_load_request(std::string_view json);
Result<SessionOptions> parse_session_request(std::string_view json);
Result<GenerateRequest> parse_generate_request(std::string_view json);
Result<ScoreRequest> parse_score_request(std::string_view json);
Result<EmbedRequest> parse_embed_request(std::string_view json);
// The tokens whose logits are wanted.
Result<Array<int32_t>> parse_logits_request(std::string_view json);
Result<QuantiseRequest> parse_quantise_request(std::string_view json);

}  // namespace pipit
