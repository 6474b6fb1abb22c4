// The layers of a sequence, two rounds each: first all keys and values, then what looks at them.
#include "model/encoder.h"

#include <utility>

#include "model/pass.h"

namespace pipit {
namespace {

// A cache of one layer that keeps all positions.
KvCache one_layer_cache(const Config& config) {
  Config one = config;
  one.layers.assign(1, {});
  return {one, KvType::kF32};
}

}  // namespace

Encoder::Encoder(const Config& config, const Weights& weights, Workspace workspace)
    : config_(&config),
      weights_(&weights),
      ws_(std::move(workspace)),
      kv_(one_layer_cache(config)) {}

Result<Encoder> Encoder::create(const Config& config, const Weights& weights,
                                const KernelSet& kernels, std::span<const int32_t> tokens) {
  PIPIT_ASSIGN_OR_RETURN(Workspace workspace,
                         Workspace::create(config, weights, kernels, tokens.size()));
  Encoder encoder(config, weights, std::move(workspace));
  PIPIT_RETURN_IF_ERROR(encoder.tokens_.append(tokens));
  PIPIT_RETURN_IF_ERROR(encoder.x_.resize(uint64_t{tokens.size()} * config.n_embd));
  PIPIT_RETURN_IF_ERROR(encoder.q_.resize(uint64_t{tokens.size()} * config.n_embd_q()));
  PIPIT_RETURN_IF_ERROR(encoder.kv_.reserve(0, tokens.size()));
  return encoder;
}

bool Encoder::step(const Compute& compute, size_t n_streams) {
  const Config& c = *config_;
  const size_t n_tokens = std::min(kMaxBatch, tokens_.size() - n_done_);
  ws_.activations.n_streams = n_streams;
  const Pass pass = {.c = c,
                     .kernels = compute.kernels,
                     .pool = compute.pool,
                     .n_tokens = n_tokens,
                     .n_past = n_done_,
                     .kv = kv_,
                     .ws = ws_,
                     .x = x_.data() + n_done_ * c.n_embd,
                     .q = q_.data() + n_done_ * c.n_embd_q(),
                     .n_all = c.is_causal ? 0 : tokens_.size()};
  const Layer layer = {
      .config = c.layers[layer_], .weights = weights_->layers[layer_], .in_cache = 0};
  const bool is_last = layer_ + 1 == c.n_layer && is_projected_;
  if (!is_projected_) {
    if (layer_ == 0) embed(pass);
    pass.compute_ropes();
    pass.project(layer);
  } else {
    pass.attend(layer);
    pass.feed_forward(layer.weights);
    if (is_last) finish(pass);
  }
  n_done_ += n_tokens;
  if (n_done_ < tokens_.size()) return false;
  n_done_ = 0;
  if (is_projected_) ++layer_;
  is_projected_ = !is_projected_;
  return is_last;
}

// x = norm(embeddings of the tokens, of their type and of their positions)
void Encoder::embed(const Pass& pass) const {
  const Weights& w = *weights_;
  const size_t n_embd = pass.c.n_embd;
  const auto add_row = [&](const PackedMatrix& rows, size_t row, size_t t) {
    if (rows.bytes.empty()) return;
    float* h = pass.ws.h.data() + t * n_embd;
    pass.kernels.unpack_row(rows, row, h);
    pass.kernels.add(pass.x + t * n_embd, h, n_embd);
  };
  pass.embed(w, tokens_.span().subspan(pass.n_past, pass.n_tokens));
  for (size_t t = 0; t < pass.n_tokens; ++t) {
    add_row(w.token_types, 0, t);
    add_row(w.position_embd, pass.n_past + t, t);
    normalise(pass, w.token_embd_norm, t);
  }
}

void Encoder::finish(const Pass& pass) const {
  for (size_t t = 0; t < pass.n_tokens; ++t) normalise(pass, weights_->output_norm, t);
}

// x[t] = norm(x[t]), where there is a norm
void Encoder::normalise(const Pass& pass, const Norm& norm, size_t t) {
  float* x = pass.x + t * pass.c.n_embd;
  if (!norm.empty()) pass.normalise(norm, x, pass.c.n_embd, x);
}

}  // namespace pipit
