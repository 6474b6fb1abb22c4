// The steps of a layer, shared by decoder.cc and encoder.cc: they read like the papers' equations.
// A step that a family does not have has an empty tensor or a factor of 1.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "model/rope.h"
#include "model/transformer.h"

namespace pipit {

// out [n_tokens, w.n_rows] = W · input
struct Product {
  const PackedMatrix& w;
  float* out;
};

struct Layer {
  const LayerConfig& config;
  const LayerWeights& weights;
  size_t in_cache;  // its number there
};

// What is computed of some tokens, and what the steps share. A step either runs tile by tile of
// tokens or by panels of weights; each is one loop of the thread pool.
struct Pass {
  const Config& c;
  const KernelSet& kernels;
  ThreadPool& pool;
  size_t n_tokens;
  size_t n_past;  // position of the first token
  KvCache& kv;
  Workspace& ws;
  float* x;          // [n_tokens, n_embd] the residual stream
  float* q;          // [n_tokens, n_head · head_dim]
  size_t n_all = 0;  // AttentionArgs::n_all

  // Calls step(t) for every token, which writes its row of `in` [n_tokens, n_cols], then computes
  // the products of `in`.
  template <typename Step>
  void multiply(const float* in, size_t n_cols, const Step& step,
                std::initializer_list<Product> products) const {
    prepare(in, n_cols, step, products);
    multiply_prepared(products);
  }

  template <typename Step>
  void prepare(const float* in, size_t n_cols, const Step& step,
               std::initializer_list<Product> products) const {
    Activations& a = ws.activations;
    a.x = in;
    a.n_tokens = n_tokens;
    a.n_cols = n_cols;
    a.kinds.reset();
    for (const Product& product : products) a.kinds.set(static_cast<size_t>(product.w.kind()));
    a.for_bounds = std::any_of(products.begin(), products.end(),
                               [](const Product& product) { return product.w.is_halved; });
    for_tiles([&](size_t tile) {
      for_tile(tile, step);
      prepare_tile(kernels, a, tile);
    });
  }

  // Calls run(tile) for every tile of tokens.
  template <typename Run>
  void for_tiles(const Run& run) const {
    pool.run(n_tiles(), run);
  }

  size_t n_tiles() const { return (n_tokens + kTileTokens - 1) / kTileTokens; }

  template <typename Step>
  void for_tile(size_t tile, const Step& step) const {
    const size_t end = std::min((tile + 1) * kTileTokens, n_tokens);
    for (size_t t = tile * kTileTokens; t < end; ++t) step(t);
  }

  // Their panels stand in one row, which is cut into parts of about the same size.
  void multiply_prepared(std::initializer_list<Product> products) const {
    size_t n_panels = 0;
    for (const Product& product : products) n_panels += product.w.n_panels();
    pool.run_parts(n_panels, [&](size_t part_begin, size_t part_end) {
      size_t begin = 0;  // of the product in the row
      for (const Product& product : products) {
        const size_t end = begin + product.w.n_panels();
        const size_t first = std::max(begin, part_begin);
        const size_t last = std::min(end, part_end);
        if (first < last) {
          kernels.matmul(product.w, ws.activations, first - begin, last - first, product.out);
        }
        begin = end;
      }
    });
  }

  // out [n] = norm(x [n]); in place is fine.
  void normalise(const Norm& norm, const float* in, size_t n, float* out) const {
    if (c.traits.norm == NormKind::kRms) {
      kernels.rms_norm(in, norm.weight.data(), n, c.norm_eps, out);
    } else {
      const float* bias = norm.bias.empty() ? nullptr : norm.bias.data();
      kernels.layer_norm(in, norm.weight.data(), bias, n, c.norm_eps, out);
    }
  }

  // h[t] = norm(x[t]), or x[t]
  void norm_before(const Norm& norm, size_t t) const {
    const float* in = x + t * c.n_embd;
    float* h = ws.h.data() + t * c.n_embd;
    if (norm.empty()) {
      std::copy_n(in, c.n_embd, h);
    } else {
      normalise(norm, in, c.n_embd, h);
    }
  }

  void add_bias(const Linear& w, float* y) const {
    if (!w.bias.empty()) kernels.add(y, w.bias.data(), w.bias.size());
  }

  // x += scale · norm(h + bias),  h being the products of w,  or x = norm(x + h + bias)
  void add_block_output(const Linear& w, const Norm& norm_after) const {
    const bool is_after_sum = c.traits.norm_places == NormPlaces::kAfterSum;
    for (size_t t = 0; t < n_tokens; ++t) {
      float* h = ws.h.data() + t * c.n_embd;
      float* sum = x + t * c.n_embd;
      add_bias(w, h);
      if (!norm_after.empty() && !is_after_sum) normalise(norm_after, h, c.n_embd, h);
      if (c.residual_scale != 1) scale(h, c.n_embd, c.residual_scale);
      kernels.add(sum, h, c.n_embd);
      if (is_after_sum) normalise(norm_after, sum, c.n_embd, sum);
    }
  }

  static void scale(float* values, size_t n, float factor) {
    for (size_t i = 0; i < n; ++i) values[i] *= factor;
  }

  // Fills the tables of all ropes for the tokens' positions.
  void compute_ropes() const {
    for (size_t i = 0; i < c.ropes.size(); ++i) {
      RopeTable& rope = ws.ropes[i];
      compute_rope_angles(rope.freq.span(), c.ropes[i].magnitude, n_past, n_tokens, rope.cos.data(),
                          rope.sin.data());
    }
  }

  // Norms a token's queries or keys [n], a head or all of them at a time, and turns them.
  void norm_and_turn(const LayerConfig& layer, const Norm& norm, size_t t, float* heads,
                     size_t n) const {
    if (!norm.empty()) {
      const size_t n_norm = norm.weight.size();
      for (size_t i = 0; i < n; i += n_norm) normalise(norm, heads + i, n_norm, heads + i);
    }
    if (layer.rope == LayerConfig::kNoRope) return;
    const RopeTable& rope = ws.ropes[layer.rope];
    const float* cos = rope.cos.data() + t * rope.freq.size();
    const float* sin = rope.sin.data() + t * rope.freq.size();
    kernels.rope(heads, n / c.head_dim, c.head_dim, c.n_rot, c.traits.rope_pairs, cos, sin);
  }

  // The token's key and value go to the cache.
  void finish_qkv(const Layer& layer, size_t t) const {
    const LayerWeights& w = layer.weights;
    float* qt = q + t * c.n_embd_q();
    float* k = ws.k.data() + t * c.n_embd_k();
    float* v = ws.v.data() + t * c.n_embd_v();
    add_bias(w.attn_q, qt);
    add_bias(w.attn_k, k);
    add_bias(w.attn_v, v);
    norm_and_turn(layer.config, w.attn_q_norm, t, qt, c.n_embd_q());
    norm_and_turn(layer.config, w.attn_k_norm, t, k, c.n_embd_k());
    kv.store(layer.in_cache, n_past + t, k, v);
  }

  // Queries, keys and values of norm(x).
  void project(const Layer& layer) const {
    const LayerWeights& w = layer.weights;
    multiply(
        ws.h.data(), c.n_embd, [&](size_t t) { norm_before(w.attn_norm, t); },
        {{w.attn_q.weight, q}, {w.attn_k.weight, ws.k.data()}, {w.attn_v.weight, ws.v.data()}});
    for_tiles([&](size_t tile) { for_tile(tile, [&](size_t t) { finish_qkv(layer, t); }); });
  }

  // One task for every tile of tokens and KV head.
  void attention(const Layer& layer) const {
    const KvView view = kv.view(layer.in_cache);
    pool.run(n_tiles() * c.n_head_kv, [&](size_t task) {
      const size_t first = task / c.n_head_kv * kTileTokens;
      kernels.attention({.kv = view,
                         .head_kv = task % c.n_head_kv,
                         .q = q + first * c.n_embd_q(),
                         .out = ws.attn.data() + first * c.n_embd_attn(),
                         .n_head = c.n_head,
                         .group = c.n_head / c.n_head_kv,
                         .n_tokens = std::min(kTileTokens, n_tokens - first),
                         .n_past = n_past + first,
                         .scale = c.attention_scale,
                         .softcap = c.attention_softcap,
                         .n_window = layer.config.n_window,
                         .n_all = n_all});
    });
  }

  // x += attention(q), of the keys and values in the cache
  void attend(const Layer& layer) const {
    const LayerWeights& w = layer.weights;
    attention(layer);
    multiply(ws.attn.data(), c.n_embd_attn(), [](size_t) {}, {{w.attn_output.weight, ws.h.data()}});
    add_block_output(w.attn_output, w.post_attention_norm);
  }

  // x += W_down (SiLU(W_gate h) ⊙ W_up h),  h = norm(x),  or GELU in place of SiLU; without a gate
  // x += W_down GELU(W_up h)
  void feed_forward(const LayerWeights& w) const {
    const auto norm = [&](size_t t) { norm_before(w.ffn_norm, t); };
    float* const gate = ws.gate.data();
    float* const up = ws.up.data();
    if (c.traits.has_gate) {
      multiply(ws.h.data(), c.n_embd, norm, {{w.ffn_gate.weight, gate}, {w.ffn_up.weight, up}});
    } else {
      multiply(ws.h.data(), c.n_embd, norm, {{w.ffn_up.weight, gate}});
    }
    const auto activate = c.traits.gate == Gate::kSilu ? kernels.swiglu : kernels.geglu;
    const auto step = [&](size_t t) {
      float* gates = gate + t * c.n_ff;
      float* ups = up + t * c.n_ff;
      add_bias(c.traits.has_gate ? w.ffn_gate : w.ffn_up, gates);
      if (c.traits.has_gate) {
        add_bias(w.ffn_up, ups);
      } else {
        std::fill_n(ups, c.n_ff, 1.0f);
      }
      activate(gates, ups, c.n_ff);
    };
    multiply(gate, c.n_ff, step, {{w.ffn_down.weight, ws.h.data()}});
    add_block_output(w.ffn_down, w.post_ffw_norm);
  }

  // x[t] = the row of the token's embedding
  void embed(const Weights& w, std::span<const int32_t> tokens) const {
    for (size_t t = 0; t < n_tokens; ++t) {
      float* out = x + t * c.n_embd;
      kernels.unpack_row(w.token_embd, static_cast<size_t>(tokens[t]), out);
      if (c.embedding_scale != 1) scale(out, c.n_embd, c.embedding_scale);
    }
  }
};

}  // namespace pipit
