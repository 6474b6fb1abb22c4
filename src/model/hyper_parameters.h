// HyperParameters: what a file's metadata say about its architecture, `<architecture>.<key>`, each
// number checked as it is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gguf/gguf.h"
#include "pipit/status.h"

namespace pipit {

class HyperParameters {
 public:
  HyperParameters(const Gguf& gguf, std::string_view architecture);

  const Gguf& gguf() const { return gguf_; }
  std::string key(std::string_view name) const;  // "llama.block_count"
  bool has(std::string_view name) const { return gguf_.find(key(name)) != nullptr; }

  // A number from 1 to `max`. A list of one number a layer counts as a number if they are all the
  // same. Errors: kInvalidFile (missing without a fallback, 0, no integer), kLimitExceeded,
  // kUnsupported (a list of different numbers).
  Result<uint32_t> count(std::string_view name, uint32_t max,
                         std::optional<uint32_t> fallback = {}) const;

  // A finite number above 0. Errors: kInvalidFile.
  Result<float> positive(std::string_view name, std::optional<float> fallback = {}) const;

 private:
  const Gguf& gguf_;
  std::string prefix_;
};

}  // namespace pipit
