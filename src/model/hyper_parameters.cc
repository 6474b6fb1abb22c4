// Checked numbers from the metadata.
#include "model/hyper_parameters.h"

#include <cmath>

#include "base/str_cat.h"

namespace pipit {

HyperParameters::HyperParameters(const Gguf& gguf, std::string_view architecture)
    : gguf_(gguf), prefix_(str_cat(architecture, ".")) {}

std::string HyperParameters::key(std::string_view name) const { return str_cat(prefix_, name); }

Result<uint32_t> HyperParameters::count(std::string_view name, uint32_t max,
                                        std::optional<uint32_t> fallback) const {
  const std::string full = key(name);
  const GgufValue* value = gguf_.find(full);
  uint32_t number = 0;
  if (value == nullptr && fallback) {
    number = *fallback;
  } else if (value != nullptr && value->is_array && value->n > 0) {
    PIPIT_RETURN_IF_ERROR(gguf_.get_array(full, GgufType::kU32).status());
    for (uint64_t i = 1; i < value->n; ++i) {
      if (gguf_.integer(*value, i) == gguf_.integer(*value)) continue;
      return Status(StatusCode::kUnsupported,
                    str_cat("'", full, "' differs from layer to layer, which is not supported."));
    }
    const int64_t common = gguf_.integer(*value);
    number = common < 0 || common > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(common);
  } else {
    PIPIT_ASSIGN_OR_RETURN(number, gguf_.get_u32(full));
  }
  if (number == 0) {
    return Status(StatusCode::kInvalidFile, str_cat("'", full, "' is 0; it must be at least 1."));
  }
  if (number > max) {
    return Status(StatusCode::kLimitExceeded,
                  str_cat("'", full, "' is ", number, "; pipit accepts at most ", max, "."));
  }
  return number;
}

Result<float> HyperParameters::positive(std::string_view name,
                                        std::optional<float> fallback) const {
  const std::string full = key(name);
  if (fallback && gguf_.find(full) == nullptr) return *fallback;
  PIPIT_ASSIGN_OR_RETURN(const float number, gguf_.get_f32(full));
  if (number > 0 && std::isfinite(number)) return number;
  return Status(StatusCode::kInvalidFile,
                str_cat("'", full, "' is ", double{number}, "; it must be positive."));
}

}  // namespace pipit
