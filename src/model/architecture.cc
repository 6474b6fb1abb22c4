// The table of architectures.
#include "model/architecture.h"

#include <string>

#include "base/quote.h"
#include "base/str_cat.h"
#include "model/families/families.h"

namespace pipit {
namespace {

constexpr const Architecture* kArchitectures[] = {
    &kLlama,   &kQwen2, &kQwen3,   &kGemma2,   &kGemma3, &kPhi3,
    &kGranite, &kOlmo2, &kSmolLm3, &kStableLm, &kBert,   &kNomicBert,
};

}  // namespace

Result<const Architecture*> find_architecture(std::string_view name) {
  std::string names;
  for (const Architecture* architecture : kArchitectures) {
    if (name == architecture->name) return architecture;
    names += str_cat(names.empty() ? "" : ", ", architecture->name);
  }
  return Status(StatusCode::kUnsupported, str_cat("The architecture ", quote(name),
                                                  " is not supported. Supported: ", names, "."));
}

Result<Config> read_config(const Architecture& architecture, const Gguf& gguf) {
  const HyperParameters parameters(gguf, architecture.name);
  PIPIT_ASSIGN_OR_RETURN(Config config, read_config(parameters, architecture.traits));
  if (architecture.configure != nullptr) {
    PIPIT_RETURN_IF_ERROR(architecture.configure(parameters, config));
  }
  return config;
}

}  // namespace pipit
