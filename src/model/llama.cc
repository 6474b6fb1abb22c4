// The llama family's forward pass, top to bottom.
#include "model/llama.h"

#include <cmath>
#include <utility>

#include "base/str_cat.h"
#include "model/rope.h"

namespace pipit {
namespace {

std::vector<TensorSlot> tensors(const Config& c, Weights& w) {
  std::vector<TensorSlot> slots;
  const auto matrix = [&](std::string name, uint32_t n_rows, uint32_t n_cols,
                          PackedMatrix& target) {
    slots.push_back(
        {.name = std::move(name), .n_rows = n_rows, .n_cols = n_cols, .matrix = &target});
  };
  const auto vector = [&](std::string name, uint32_t n, Array<float>& target) {
    slots.push_back({.name = std::move(name), .n_rows = 1, .n_cols = n, .vector = &target});
  };
  matrix("token_embd.weight", c.n_vocab, c.n_embd, w.token_embd);
  for (size_t i = 0; i < w.layers.size(); ++i) {
    LayerWeights& layer = w.layers[i];
    const std::string block = str_cat("blk.", i, ".");
    vector(block + "attn_norm.weight", c.n_embd, layer.attn_norm);
    matrix(block + "attn_q.weight", c.n_embd_q(), c.n_embd, layer.attn_q);
    matrix(block + "attn_k.weight", c.n_embd_k(), c.n_embd, layer.attn_k);
    matrix(block + "attn_v.weight", c.n_embd_v(), c.n_embd, layer.attn_v);
    matrix(block + "attn_output.weight", c.n_embd, c.n_embd_attn(), layer.attn_output);
    vector(block + "ffn_norm.weight", c.n_embd, layer.ffn_norm);
    matrix(block + "ffn_gate.weight", c.n_ff, c.n_embd, layer.ffn_gate);
    matrix(block + "ffn_up.weight", c.n_ff, c.n_embd, layer.ffn_up);
    matrix(block + "ffn_down.weight", c.n_embd, c.n_ff, layer.ffn_down);
  }
  vector("output_norm.weight", c.n_embd, w.output_norm);
  matrix("output.weight", c.n_vocab, c.n_embd, w.output);
  slots.back().required = false;  // tied embeddings
  vector("rope_freqs.weight", c.n_rot / 2, w.rope_freqs);
  slots.back().required = false;
  return slots;
}

// One forward pass, with what its steps share.
struct Pass {
  const Config& c;
  const KernelSet& kernels;
  size_t n_tokens;
  size_t n_past;
  KvCache& kv;
  Workspace& ws;

  // out [n, n_embd] = RMSNorm of the rows of x [n, n_embd].
  void norm(const float* x, const Array<float>& weight, size_t n, float* out) const {
    for (size_t t = 0; t < n; ++t) {
      kernels.rms_norm(x + t * c.n_embd, weight.data(), c.n_embd, c.rms_norm_eps,
                       out + t * c.n_embd);
    }
  }

  // Makes `in` [n, n_cols] the input of the products that follow.
  void input(const float* in, size_t n, size_t n_cols) const {
    prepare(kernels, in, n, n_cols, ws.activations);
  }

  // out [n, w.n_rows] = W · the input.
  void product(const PackedMatrix& w, float* out) const { kernels.matmul(w, ws.activations, out); }

  // x += attention(RMSNorm(x))
  void attention_block(size_t l, const LayerWeights& w) const {
    norm(ws.x.data(), w.attn_norm, n_tokens, ws.h.data());
    input(ws.h.data(), n_tokens, c.n_embd);
    product(w.attn_q, ws.q.data());
    product(w.attn_k, ws.k.data());
    product(w.attn_v, ws.v.data());

    for (size_t t = 0; t < n_tokens; ++t) {
      const float* cos = ws.rope_cos.data() + t * ws.rope_freq.size();
      const float* sin = ws.rope_sin.data() + t * ws.rope_freq.size();
      kernels.rope(ws.q.data() + t * c.n_embd_q(), c.n_head, c.head_dim, c.n_rot, cos, sin);
      kernels.rope(ws.k.data() + t * c.n_embd_k(), c.n_head_kv, c.head_dim, c.n_rot, cos, sin);
      kv.store(l, n_past + t, ws.k.data() + t * c.n_embd_k(), ws.v.data() + t * c.n_embd_v());
    }
    for (size_t t = 0; t < n_tokens; ++t) {
      kernels.attention({.q = ws.q.data() + t * c.n_embd_q(),
                         .kv = kv.view(l),
                         .out = ws.attn.data() + t * c.n_embd_attn(),
                         .scores = ws.scores.data(),
                         .n_head = c.n_head,
                         .n_head_kv = c.n_head_kv,
                         .head_dim = c.head_dim,
                         .head_dim_v = c.head_dim_v,
                         .n_positions = n_past + t + 1,
                         .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim))});
    }
    input(ws.attn.data(), n_tokens, c.n_embd_attn());
    product(w.attn_output, ws.h.data());
    kernels.add(ws.x.data(), ws.h.data(), n_tokens * c.n_embd);
  }

  // x += W_down (SiLU(W_gate h) ⊙ W_up h),  h = RMSNorm(x)
  void feed_forward_block(const LayerWeights& w) const {
    norm(ws.x.data(), w.ffn_norm, n_tokens, ws.h.data());
    input(ws.h.data(), n_tokens, c.n_embd);
    product(w.ffn_gate, ws.gate.data());
    product(w.ffn_up, ws.up.data());
    kernels.swiglu(ws.gate.data(), ws.up.data(), n_tokens * c.n_ff);
    input(ws.gate.data(), n_tokens, c.n_ff);
    product(w.ffn_down, ws.h.data());
    kernels.add(ws.x.data(), ws.h.data(), n_tokens * c.n_embd);
  }
};

Status forward(const Config& c, const Weights& w, const KernelSet& kernels,
               std::span<const int32_t> tokens, size_t n_past, LogitRows rows, KvCache& kv,
               Workspace& ws) {
  const size_t n_tokens = tokens.size();
  const Pass pass = {c, kernels, n_tokens, n_past, kv, ws};
  const size_t n_rows = rows == LogitRows::kAll ? n_tokens : rows == LogitRows::kLast ? 1 : 0;
  PIPIT_RETURN_IF_ERROR(kv.reserve(n_past + n_tokens));
  PIPIT_RETURN_IF_ERROR(ws.logits.resize(uint64_t{n_rows} * c.n_vocab));

  for (size_t t = 0; t < n_tokens; ++t) {
    kernels.unpack_row(w.token_embd, static_cast<size_t>(tokens[t]), ws.x.data() + t * c.n_embd);
  }
  compute_rope_angles(c, ws.rope_freq.span(), n_past, n_tokens, ws.rope_cos.data(),
                      ws.rope_sin.data());
  for (size_t l = 0; l < c.n_layer; ++l) {
    pass.attention_block(l, w.layers[l]);
    pass.feed_forward_block(w.layers[l]);
  }

  if (n_rows == 0) return ok_status();
  pass.norm(ws.x.data() + (n_tokens - n_rows) * c.n_embd, w.output_norm, n_rows, ws.h.data());
  pass.input(ws.h.data(), n_rows, c.n_embd);
  pass.product(w.output_head(), ws.logits.data());
  return ok_status();
}

}  // namespace

const Architecture kLlama = {
    .name = "llama", .read_config = read_config, .tensors = tensors, .forward = forward};

}  // namespace pipit
