// Workspace and the table of architectures.
#include "model/transformer.h"

#include <algorithm>
#include <cmath>

#include "model/llama.h"

namespace pipit {
namespace {

constexpr const Architecture* kArchitectures[] = {&kLlama};

// θ_i = base^(-2i / n_rot), scaled or divided as the model asks.
void fill_rope_frequencies(const Config& config, const Weights& weights, Array<float>& out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / config.n_rot;
    double frequency = std::pow(double{config.rope_freq_base}, exponent) * double{config.rope_freq_scale};
    if (!weights.rope_freqs.empty()) frequency /= double{weights.rope_freqs[i]};
    out[i] = static_cast<float>(frequency);
  }
}

}  // namespace

Result<Workspace> Workspace::create(const Config& config, const Weights& weights, const KernelSet& kernels,
                                    size_t n_ctx) {
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
      {&ws.scores, round_up(n_ctx, 4)},
      {&ws.rope_freq, config.n_rot / 2},
      {&ws.rope_cos, uint64_t{kMaxBatch} * (config.n_rot / 2)},
      {&ws.rope_sin, uint64_t{kMaxBatch} * (config.n_rot / 2)},
      {&ws.logits, config.n_vocab},
  };
  for (const auto& buffer : buffers) PIPIT_RETURN_IF_ERROR(buffer.array->resize(buffer.n));
  const size_t widest = std::max({config.n_embd, config.n_embd_attn(), config.n_ff});
  PIPIT_RETURN_IF_ERROR(ws.activations.quantised.resize(kernels.quantised_bytes(kMaxBatch, widest)));
  fill_rope_frequencies(config, weights, ws.rope_freq);
  return ws;
}

Result<const Architecture*> find_architecture(std::string_view name) {
  std::string names;
  for (const Architecture* architecture : kArchitectures) {
    if (name == architecture->name) return architecture;
    names += str_cat(names.empty() ? "" : ", ", architecture->name);
  }
  return Status(StatusCode::kUnsupported, str_cat("The architecture '", name.substr(0, 64),
                                                  "' is not supported. Supported: ", names, "."));
}

}  // namespace pipit
