// Encoder: a whole sequence through all layers, one layer after another, because its tokens may see
// those behind them. What comes out are the vectors of its tokens, not logits.
#pragma once

#include <cstdint>
#include <span>

#include "base/array.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/transformer.h"
#include "pipit/status.h"

namespace pipit {

struct Pass;

class Encoder {
 public:
  // Of tokens [n_tokens] in the vocabulary, at least one and at most config.n_ctx_train; config and
  // weights must outlive the encoder. Errors: kOutOfMemory.
  static Result<Encoder> create(const Config& config, const Weights& weights,
                                const KernelSet& kernels, std::span<const int32_t> tokens);

  // Computes a part: one layer's keys and values of at most kMaxBatch tokens, or what follows them.
  // True when all is done; then no more may be asked for.
  bool step(const Compute& compute, size_t n_streams);

  // [n_tokens, n_embd] the tokens' vectors, once all is done.
  std::span<const float> vectors() const { return x_.span(); }

 private:
  Encoder(const Config& config, const Weights& weights, Workspace workspace);

  void embed(const Pass& pass) const;
  void finish(const Pass& pass) const;
  static void normalise(const Pass& pass, const Norm& norm, size_t t);

  const Config* config_;
  const Weights* weights_;
  Workspace ws_;
  KvCache kv_;             // of the layer at hand, in F32
  Array<int32_t> tokens_;  // [n_tokens]
  Array<float> x_;         // [n_tokens, n_embd] the residual stream
  Array<float> q_;         // [n_tokens, n_head · head_dim] of the layer at hand
  size_t layer_ = 0;
  bool is_projected_ = false;  // the layer's keys and values are all there
  size_t n_done_ = 0;          // tokens of the step at hand
};

}  // namespace pipit
