// Sliding windows, by their keys.
#include "base/str_cat.h"
#include "model/families/families.h"

namespace pipit {
namespace {

constexpr const char* kPatternKey = "attention.sliding_window_pattern";

// Which layers are local, of a pattern that is a list of one bool a layer.
Status read_listed_layers(const HyperParameters& parameters, Config& config, uint32_t n_window) {
  const std::string key = parameters.key(kPatternKey);
  PIPIT_ASSIGN_OR_RETURN(const GgufValue* const list,
                         parameters.gguf().get_array(key, GgufType::kBool));
  if (list->n != config.n_layer) {
    return {StatusCode::kInvalidFile, str_cat("'", key, "' names ", list->n, " layers, but there ",
                                              "are ", config.n_layer, ".")};
  }
  for (uint32_t i = 0; i < config.n_layer; ++i) {
    if (parameters.gguf().integer(*list, i) != 0) {
      config.layers[i] = {.rope = 1, .n_window = n_window};
    }
  }
  return ok_status();
}

}  // namespace

Status read_windows(const HyperParameters& parameters, uint32_t default_window, uint32_t period,
                    Rope local_rope, Config& config) {
  const std::optional<uint32_t> fallback =
      default_window > 0 ? std::optional(default_window) : std::nullopt;
  PIPIT_ASSIGN_OR_RETURN(const uint32_t n_window,
                         parameters.count("attention.sliding_window", kMaxContext, fallback));
  PIPIT_ASSIGN_OR_RETURN(local_rope.freq_base,
                         parameters.positive("rope.freq_base_swa", local_rope.freq_base));
  config.ropes.push_back(local_rope);
  const GgufValue* pattern = parameters.gguf().find(parameters.key(kPatternKey));
  if (pattern != nullptr && pattern->is_array) {
    return read_listed_layers(parameters, config, n_window);
  }
  PIPIT_ASSIGN_OR_RETURN(period, parameters.count(kPatternKey, kMaxLayers, period));
  for (uint32_t i = 0; i < config.n_layer; ++i) {
    if ((i + 1) % period != 0) config.layers[i] = {.rope = 1, .n_window = n_window};
  }
  return ok_status();
}

}  // namespace pipit
