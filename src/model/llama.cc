// The llama family's forward pass, top to bottom.
#include "model/llama.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
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

// A thread that is late must not keep the others waiting: there are more parts than threads.
constexpr size_t kPartsPerThread = 4;

// out [n_tokens, w.n_rows] = W · input
struct Product {
  const PackedMatrix& w;
  Array<float>& out;
};

// One forward pass, with what its steps share. A step either runs tile by tile of tokens or by
// panels of weights; each is one loop of the thread pool.
struct Pass {
  const Config& c;
  const KernelSet& kernels;
  ThreadPool& pool;
  size_t n_tokens;
  size_t n_past;
  KvCache& kv;
  Workspace& ws;

  // Calls step(t) for every token, which writes its row of `in` [n_tokens, n_cols], then computes
  // the products of `in`.
  template <typename Step>
  void multiply(const float* in, size_t n_cols, const Step& step,
                std::initializer_list<Product> products) const {
    Activations& a = ws.activations;
    a.x = in;
    a.n_tokens = n_tokens;
    a.n_cols = n_cols;
    const auto any = [&](WeightKind kind) {
      return std::any_of(products.begin(), products.end(),
                         [&](const Product& product) { return product.w.kind() == kind; });
    };
    a.for_int4 = any(WeightKind::kInt4);
    a.for_int8 = any(WeightKind::kInt8);
    pool.run(a.n_tiles(), [&](size_t tile) {
      for_tile(tile, step);
      prepare_tile(kernels, a, tile);
    });
    multiply_prepared(products);
  }

  template <typename Step>
  void for_tile(size_t tile, const Step& step) const {
    const size_t end = std::min((tile + 1) * kTileTokens, n_tokens);
    for (size_t t = tile * kTileTokens; t < end; ++t) step(t);
  }

  // Their panels stand in one row, which is cut into parts of about the same size.
  void multiply_prepared(std::initializer_list<Product> products) const {
    size_t n_panels = 0;
    for (const Product& product : products) n_panels += product.w.n_panels();
    const size_t n_parts = pool.n_threads() == 1 ? 1 : kPartsPerThread * pool.n_active();
    pool.run(n_parts, [&](size_t part) {
      const size_t part_begin = n_panels * part / n_parts;
      const size_t part_end = n_panels * (part + 1) / n_parts;
      size_t begin = 0;  // of the product in the row
      for (const Product& product : products) {
        const size_t end = begin + product.w.n_panels();
        const size_t first = std::max(begin, part_begin);
        const size_t last = std::min(end, part_end);
        if (first < last) {
          kernels.matmul(product.w, ws.activations, first - begin, last - first,
                         product.out.data());
        }
        begin = end;
      }
    });
  }

  // h[t] = RMSNorm(x[t])
  void norm(const Array<float>& weight, size_t t) const {
    kernels.rms_norm(ws.x.data() + t * c.n_embd, weight.data(), c.n_embd, c.rms_norm_eps,
                     ws.h.data() + t * c.n_embd);
  }

  // x += h
  void add_block_output() const { kernels.add(ws.x.data(), ws.h.data(), n_tokens * c.n_embd); }

  // Rotates the token's query and key; its key and value go to the cache.
  void rope_and_store(size_t l, size_t t) const {
    const float* cos = ws.rope_cos.data() + t * ws.rope_freq.size();
    const float* sin = ws.rope_sin.data() + t * ws.rope_freq.size();
    kernels.rope(ws.q.data() + t * c.n_embd_q(), c.n_head, c.head_dim, c.n_rot, cos, sin);
    kernels.rope(ws.k.data() + t * c.n_embd_k(), c.n_head_kv, c.head_dim, c.n_rot, cos, sin);
    kv.store(l, n_past + t, ws.k.data() + t * c.n_embd_k(), ws.v.data() + t * c.n_embd_v());
  }

  // One task for every tile of tokens and KV head.
  void attention(size_t l) const {
    const KvView view = kv.view(l);
    pool.run(ws.activations.n_tiles() * c.n_head_kv, [&](size_t task) {
      const size_t first = task / c.n_head_kv * kTileTokens;
      kernels.attention({.kv = view,
                         .head_kv = task % c.n_head_kv,
                         .q = ws.q.data() + first * c.n_embd_q(),
                         .out = ws.attn.data() + first * c.n_embd_attn(),
                         .n_head = c.n_head,
                         .group = c.n_head / c.n_head_kv,
                         .n_tokens = std::min(kTileTokens, n_tokens - first),
                         .n_past = n_past + first,
                         .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim))});
    });
  }

  // x += attention(RMSNorm(x))
  void attention_block(size_t l, const LayerWeights& w) const {
    multiply(ws.h.data(), c.n_embd, [&](size_t t) { norm(w.attn_norm, t); },
             {{w.attn_q, ws.q}, {w.attn_k, ws.k}, {w.attn_v, ws.v}});
    pool.run(ws.activations.n_tiles(),
             [&](size_t tile) { for_tile(tile, [&](size_t t) { rope_and_store(l, t); }); });
    attention(l);
    multiply(ws.attn.data(), c.n_embd_attn(), [](size_t) {}, {{w.attn_output, ws.h}});
    add_block_output();
  }

  // x += W_down (SiLU(W_gate h) ⊙ W_up h),  h = RMSNorm(x)
  void feed_forward_block(const LayerWeights& w) const {
    multiply(ws.h.data(), c.n_embd, [&](size_t t) { norm(w.ffn_norm, t); },
             {{w.ffn_gate, ws.gate}, {w.ffn_up, ws.up}});
    const auto activate = [&](size_t t) {
      kernels.swiglu(ws.gate.data() + t * c.n_ff, ws.up.data() + t * c.n_ff, c.n_ff);
    };
    multiply(ws.gate.data(), c.n_ff, activate, {{w.ffn_down, ws.h}});
    add_block_output();
  }

  // logits [n_rows, n_vocab] of the last n_rows tokens.
  void output(const Weights& w, size_t n_rows) const {
    const size_t first = n_tokens - n_rows;
    const Pass last = {c, kernels, pool, n_rows, n_past + first, kv, ws};
    const auto output_norm = [&](size_t row) {
      kernels.rms_norm(ws.x.data() + (first + row) * c.n_embd, w.output_norm.data(), c.n_embd,
                       c.rms_norm_eps, ws.h.data() + row * c.n_embd);
    };
    last.multiply(ws.h.data(), c.n_embd, output_norm, {{w.output_head(), ws.logits}});
  }
};

Status forward(const Config& c, const Weights& w, const Compute& compute, const Batch& batch,
               size_t first_layer, size_t last_layer, KvCache& kv, Workspace& ws) {
  const auto& [tokens, n_past, rows] = batch;
  const size_t n_tokens = tokens.size();
  const KernelSet& kernels = compute.kernels;
  const Pass pass = {c, kernels, compute.pool, n_tokens, n_past, kv, ws};
  const size_t n_rows = rows == LogitRows::kAll ? n_tokens : rows == LogitRows::kLast ? 1 : 0;
  if (first_layer == 0) {
    PIPIT_RETURN_IF_ERROR(kv.reserve(n_past + n_tokens));
    PIPIT_RETURN_IF_ERROR(ws.logits.resize(uint64_t{n_rows} * c.n_vocab));
    for (size_t t = 0; t < n_tokens; ++t) {
      kernels.unpack_row(w.token_embd, static_cast<size_t>(tokens[t]), ws.x.data() + t * c.n_embd);
    }
    compute_rope_angles(c, ws.rope_freq.span(), n_past, n_tokens, ws.rope_cos.data(),
                        ws.rope_sin.data());
  }
  for (size_t l = first_layer; l < last_layer; ++l) {
    pass.attention_block(l, w.layers[l]);
    pass.feed_forward_block(w.layers[l]);
  }
  if (last_layer == c.n_layer && n_rows > 0) pass.output(w, n_rows);
  return ok_status();
}

}  // namespace

const Architecture kLlama = {
    .name = "llama", .read_config = read_config, .tensors = tensors, .forward = forward};

}  // namespace pipit
