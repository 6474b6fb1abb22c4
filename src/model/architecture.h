// The architecture families: each is a short file in families/ that lists what differs from llama.
#pragma once

#include <string_view>

#include "model/config.h"
#include "pipit/status.h"

namespace pipit {

struct Architecture {
  const char* name;  // general.architecture
  Traits traits = {};
  // Reads the keys that the family has beside those of all, and says which layers differ from the
  // others; nullptr: nothing of that. Errors as of read_config().
  Status (*configure)(const HyperParameters& parameters, Config& config) = nullptr;
};

// The family of that name. Errors: kUnsupported, which lists the families that work.
Result<const Architecture*> find_architecture(std::string_view name);

// The whole Config of a model. Errors as of read_config().
Result<Config> read_config(const Architecture& architecture, const Gguf& gguf);

}  // namespace pipit
