// The forward pass of language models, some tokens through all layers.
#include "model/pass.h"

namespace pipit {
namespace {

// logits [n_rows, n_vocab] of the last n_rows tokens; of a single one what `top` asks for.
void compute_logits(const Pass& pass, const Weights& w, size_t n_rows, const TopLogits* top) {
  const Config& c = pass.c;
  Workspace& ws = pass.ws;
  const size_t first = pass.n_tokens - n_rows;
  Pass last = pass;
  last.n_tokens = n_rows;
  last.n_past += first;
  last.x += first * c.n_embd;
  const auto output_norm = [&](size_t row) { last.norm_before(w.output_norm, row); };
  const PackedMatrix& head = w.output_head();
  const Product product = {head, ws.logits.data()};
  last.prepare(ws.h.data(), c.n_embd, output_norm, {product});
  ws.head.result = HeadResult::kFull;
  if (top != nullptr && head.is_halved) {
    ws.head.result = compute_top_logits(head, pass.kernels, pass.pool, ws.activations, *top,
                                        ws.head, ws.logits.data());
  }
  if (ws.head.result != HeadResult::kTwoSteps) last.multiply_prepared({product});
  // Neither changes the logits' order.
  Array<float>& logits = ws.logits;
  if (c.logit_scale != 1) Pass::scale(logits.data(), logits.size(), c.logit_scale);
  if (c.logit_softcap > 0) pass.kernels.softcap(logits.data(), logits.size(), c.logit_softcap);
}

}  // namespace

Status forward(const Config& c, const Weights& w, const Compute& compute, const Batch& batch,
               size_t first_layer, size_t last_layer, KvCache& kv, Workspace& ws) {
  const auto& [tokens, n_past, rows, top] = batch;
  const size_t n_tokens = tokens.size();
  const Pass pass = {.c = c,
                     .kernels = compute.kernels,
                     .pool = compute.pool,
                     .n_tokens = n_tokens,
                     .n_past = n_past,
                     .kv = kv,
                     .ws = ws,
                     .x = ws.x.data(),
                     .q = ws.q.data()};
  const size_t n_rows = rows == LogitRows::kAll ? n_tokens : rows == LogitRows::kLast ? 1 : 0;
  if (first_layer == 0) {
    PIPIT_RETURN_IF_ERROR(kv.reserve(n_past, n_tokens));
    PIPIT_RETURN_IF_ERROR(ws.logits.resize(uint64_t{n_rows} * c.n_vocab));
    pass.embed(w, tokens);
    pass.compute_ropes();
  }
  for (size_t l = first_layer; l < last_layer; ++l) {
    const Layer layer = {.config = c.layers[l], .weights = w.layers[l], .in_cache = l};
    pass.project(layer);
    pass.attend(layer);
    pass.feed_forward(layer.weights);
  }
  if (last_layer == c.n_layer && n_rows > 0) compute_logits(pass, w, n_rows, top);
  return ok_status();
}

}  // namespace pipit
