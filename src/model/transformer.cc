// Workspace and the table of architectures.
#include "model/transformer.h"

#include <algorithm>
#include <cmath>

#include "base/quote.h"
#include "model/llama.h"
#include "model/rope.h"

namespace pipit {
namespace {

constexpr const Architecture* kArchitectures[] = {&kLlama};

}  // namespace

Result<Workspace> Workspace::create(const Config& config, const Weights& weights,
                                    const KernelSet& kernels) {
  Workspace ws;
  const struct {
    Array<float>* array;
    uint64_t n;
  } buffers[] = {
      {&ws.x, uint64_t{kMaxBatch} * config.n_embd},
      {&ws.h, uint64_t{kMaxBatch} * config.n_embd},
      {&ws.q, uint64_t{kMaxBatch} * config.n_embd_q()},
      {&ws.k, uint64_t{kMaxBatch} * config.n_embd_k()},
      {&ws.v, uint64_t{kMaxBatch} * config.n_embd_v()},
      {&ws.attn, uint64_t{kMaxBatch} * config.n_embd_attn()},
      {&ws.gate, uint64_t{kMaxBatch} * config.n_ff},
      {&ws.up, uint64_t{kMaxBatch} * config.n_ff},
      {&ws.rope_freq, config.n_rot / 2},
      {&ws.rope_cos, uint64_t{kMaxBatch} * (config.n_rot / 2)},
      {&ws.rope_sin, uint64_t{kMaxBatch} * (config.n_rot / 2)},
      {&ws.logits, config.n_vocab},
  };
  for (const auto& buffer : buffers) PIPIT_RETURN_IF_ERROR(buffer.array->resize(buffer.n));
  ws.logits.clear();  // there are none yet, but the room for a row is taken
  const size_t widest = std::max({config.n_embd, config.n_embd_attn(), config.n_ff});
  PIPIT_RETURN_IF_ERROR(
      ws.activations.quantised.resize(kernels.quantised_bytes(kMaxBatch, widest)));
  fill_rope_frequencies(config, weights.rope_freqs.span(), ws.rope_freq.span());
  if (!std::all_of(ws.rope_freq.begin(), ws.rope_freq.end(),
                   [](float f) { return std::isfinite(f); })) {
    return Status(StatusCode::kInvalidFile,
                  "RoPE's settings or the tensor 'rope_freqs.weight' give frequencies that are no "
                  "numbers. The file is damaged.");
  }
  return ws;
}

Result<const Architecture*> find_architecture(std::string_view name) {
  std::string names;
  for (const Architecture* architecture : kArchitectures) {
    if (name == architecture->name) return architecture;
    names += str_cat(names.empty() ? "" : ", ", architecture->name);
  }
  return Status(StatusCode::kUnsupported, str_cat("The architecture ", quote(name),
                                                  " is not supported. Supported: ", names, "."));
}

}  // namespace pipit
