// Workspace.
#include "model/transformer.h"

#include <algorithm>
#include <cmath>

#include "model/rope.h"

namespace pipit {
namespace {

// The divisors of the first rope's frequencies.
std::span<const float> rope_divisors(const Config& config, const Weights& weights, size_t n_ctx) {
  if (!weights.rope_freqs.empty()) return weights.rope_freqs.span();
  const bool is_long = n_ctx > config.ropes[0].n_ctx_orig;
  return is_long ? weights.rope_factors_long.span() : weights.rope_factors_short.span();
}

Result<RopeTable> make_rope_table(const Rope& rope, size_t n_rot, std::span<const float> divisors) {
  RopeTable table;
  PIPIT_RETURN_IF_ERROR(table.freq.resize(n_rot / 2));
  PIPIT_RETURN_IF_ERROR(table.cos.resize(uint64_t{kMaxBatch} * (n_rot / 2)));
  PIPIT_RETURN_IF_ERROR(table.sin.resize(uint64_t{kMaxBatch} * (n_rot / 2)));
  fill_rope_frequencies(rope, n_rot, divisors, table.freq.span());
  if (std::all_of(table.freq.begin(), table.freq.end(), [](float f) { return std::isfinite(f); })) {
    return table;
  }
  return Status(StatusCode::kInvalidFile,
                "RoPE's settings or its tensors of factors give frequencies that are no numbers. "
                "The file is damaged.");
}

}  // namespace

Result<Workspace> Workspace::create(const Config& config, const Weights& weights,
                                    const KernelSet& kernels, size_t n_ctx) {
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
      {&ws.logits, config.n_vocab},
  };
  for (const auto& buffer : buffers) PIPIT_RETURN_IF_ERROR(buffer.array->resize(buffer.n));
  ws.logits.clear();  // there are none yet, but the room for a row is taken
  const size_t widest = std::max({config.n_embd, config.n_embd_attn(), config.n_ff});
  PIPIT_RETURN_IF_ERROR(
      ws.activations.quantised.resize(kernels.quantised_bytes(kMaxBatch, widest)));
  const PackedMatrix& head = weights.output_head();
  if (head.is_halved) PIPIT_RETURN_IF_ERROR(ws.head.resize(head));
  for (const Rope& rope : config.ropes) {
    const bool is_first = ws.ropes.empty();
    PIPIT_ASSIGN_OR_RETURN(
        RopeTable table,
        make_rope_table(rope, config.n_rot,
                        is_first ? rope_divisors(config, weights, n_ctx) : std::span<float>()));
    ws.ropes.push_back(std::move(table));
  }
  return ws;
}

}  // namespace pipit
