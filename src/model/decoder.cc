// The forward pass of all families, top to bottom: a step that a family does not have has an empty
// tensor or a factor of 1.
#include <algorithm>
#include <initializer_list>

#include "model/rope.h"
#include "model/transformer.h"

namespace pipit {
namespace {

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
    pool.run(a.n_tiles(), [&](size_t tile) {
      for_tile(tile, step);
      prepare_tile(kernels, a, tile);
    });
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
    pool.run_parts(n_panels, [&](size_t part_begin, size_t part_end) {
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

  // out [n] = norm(x [n]); in place is fine.
  void normalise(const Norm& norm, const float* x, size_t n, float* out) const {
    if (c.traits.norm == NormKind::kRms) {
      kernels.rms_norm(x, norm.weight.data(), n, c.norm_eps, out);
    } else {
      const float* bias = norm.bias.empty() ? nullptr : norm.bias.data();
      kernels.layer_norm(x, norm.weight.data(), bias, n, c.norm_eps, out);
    }
  }

  // h[t] = norm(x[t]), or x[t]
  void norm_before(const Norm& norm, size_t t) const {
    const float* x = ws.x.data() + t * c.n_embd;
    float* h = ws.h.data() + t * c.n_embd;
    if (norm.empty()) {
      std::copy_n(x, c.n_embd, h);
    } else {
      normalise(norm, x, c.n_embd, h);
    }
  }

  void add_bias(const Linear& w, float* y) const {
    if (!w.bias.empty()) kernels.add(y, w.bias.data(), w.bias.size());
  }

  // x += scale · norm(h + bias),  h being the products of w
  void add_block_output(const Linear& w, const Norm& norm_after) const {
    for (size_t t = 0; t < n_tokens; ++t) {
      float* h = ws.h.data() + t * c.n_embd;
      add_bias(w, h);
      if (!norm_after.empty()) normalise(norm_after, h, c.n_embd, h);
      if (c.residual_scale != 1) scale(h, c.n_embd, c.residual_scale);
    }
    kernels.add(ws.x.data(), ws.h.data(), n_tokens * c.n_embd);
  }

  static void scale(float* x, size_t n, float factor) {
    for (size_t i = 0; i < n; ++i) x[i] *= factor;
  }

  // Norms a token's queries or keys [n], a head or all of them at a time, and turns them.
  void norm_and_turn(const LayerConfig& layer, const Norm& norm, size_t t, float* x,
                     size_t n) const {
    if (!norm.empty()) {
      const size_t n_norm = norm.weight.size();
      for (size_t i = 0; i < n; i += n_norm) normalise(norm, x + i, n_norm, x + i);
    }
    if (layer.rope == LayerConfig::kNoRope) return;
    const RopeTable& rope = ws.ropes[layer.rope];
    const float* cos = rope.cos.data() + t * rope.freq.size();
    const float* sin = rope.sin.data() + t * rope.freq.size();
    kernels.rope(x, n / c.head_dim, c.head_dim, c.n_rot, c.traits.rope_pairs, cos, sin);
  }

  // The token's key and value go to the cache.
  void finish_qkv(size_t l, const LayerWeights& w, size_t t) const {
    float* q = ws.q.data() + t * c.n_embd_q();
    float* k = ws.k.data() + t * c.n_embd_k();
    float* v = ws.v.data() + t * c.n_embd_v();
    add_bias(w.attn_q, q);
    add_bias(w.attn_k, k);
    add_bias(w.attn_v, v);
    norm_and_turn(c.layers[l], w.attn_q_norm, t, q, c.n_embd_q());
    norm_and_turn(c.layers[l], w.attn_k_norm, t, k, c.n_embd_k());
    kv.store(l, n_past + t, k, v);
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
                         .scale = c.attention_scale,
                         .softcap = c.attention_softcap,
                         .n_window = c.layers[l].n_window});
    });
  }

  // x += attention(norm(x))
  void attention_block(size_t l, const LayerWeights& w) const {
    multiply(ws.h.data(), c.n_embd, [&](size_t t) { norm_before(w.attn_norm, t); },
             {{w.attn_q.weight, ws.q}, {w.attn_k.weight, ws.k}, {w.attn_v.weight, ws.v}});
    pool.run(ws.activations.n_tiles(),
             [&](size_t tile) { for_tile(tile, [&](size_t t) { finish_qkv(l, w, t); }); });
    attention(l);
    multiply(ws.attn.data(), c.n_embd_attn(), [](size_t) {}, {{w.attn_output.weight, ws.h}});
    add_block_output(w.attn_output, w.post_attention_norm);
  }

  // x += W_down (SiLU(W_gate h) ⊙ W_up h),  h = norm(x),  or GELU in place of SiLU
  void feed_forward_block(const LayerWeights& w) const {
    multiply(ws.h.data(), c.n_embd, [&](size_t t) { norm_before(w.ffn_norm, t); },
             {{w.ffn_gate.weight, ws.gate}, {w.ffn_up.weight, ws.up}});
    const auto activate = c.traits.gate == Gate::kSilu ? kernels.swiglu : kernels.geglu;
    const auto gate = [&](size_t t) {
      float* gates = ws.gate.data() + t * c.n_ff;
      float* ups = ws.up.data() + t * c.n_ff;
      add_bias(w.ffn_gate, gates);
      add_bias(w.ffn_up, ups);
      activate(gates, ups, c.n_ff);
    };
    multiply(ws.gate.data(), c.n_ff, gate, {{w.ffn_down.weight, ws.h}});
    add_block_output(w.ffn_down, w.post_ffw_norm);
  }

  // x = the tokens' embeddings
  void embed(const Weights& w, std::span<const int32_t> tokens) const {
    for (size_t t = 0; t < n_tokens; ++t) {
      float* x = ws.x.data() + t * c.n_embd;
      kernels.unpack_row(w.token_embd, static_cast<size_t>(tokens[t]), x);
      if (c.embedding_scale != 1) scale(x, c.n_embd, c.embedding_scale);
    }
  }

  // logits [n_rows, n_vocab] of the last n_rows tokens; of a single one what `top` asks for.
  void output(const Weights& w, size_t n_rows, const TopLogits* top) const {
    const size_t first = n_tokens - n_rows;
    const Pass last = {c, kernels, pool, n_rows, n_past + first, kv, ws};
    const auto output_norm = [&](size_t row) {
      normalise(w.output_norm, ws.x.data() + (first + row) * c.n_embd, c.n_embd,
                ws.h.data() + row * c.n_embd);
    };
    const PackedMatrix& head = w.output_head();
    last.prepare(ws.h.data(), c.n_embd, output_norm, {{head, ws.logits}});
    ws.head.result = HeadResult::kFull;
    if (top != nullptr && head.is_halved) {
      ws.head.result =
          compute_top_logits(head, kernels, pool, ws.activations, *top, ws.head, ws.logits.data());
    }
    if (ws.head.result != HeadResult::kTwoSteps) last.multiply_prepared({{head, ws.logits}});
    // Neither changes the logits' order.
    Array<float>& logits = ws.logits;
    if (c.logit_scale != 1) scale(logits.data(), logits.size(), c.logit_scale);
    if (c.logit_softcap > 0) kernels.softcap(logits.data(), logits.size(), c.logit_softcap);
  }
};

}  // namespace

Status forward(const Config& c, const Weights& w, const Compute& compute, const Batch& batch,
               size_t first_layer, size_t last_layer, KvCache& kv, Workspace& ws) {
  const auto& [tokens, n_past, rows, top] = batch;
  const size_t n_tokens = tokens.size();
  const Pass pass = {c, compute.kernels, compute.pool, n_tokens, n_past, kv, ws};
  const size_t n_rows = rows == LogitRows::kAll ? n_tokens : rows == LogitRows::kLast ? 1 : 0;
  if (first_layer == 0) {
    PIPIT_RETURN_IF_ERROR(kv.reserve(n_past, n_tokens));
    PIPIT_RETURN_IF_ERROR(ws.logits.resize(uint64_t{n_rows} * c.n_vocab));
    pass.embed(w, tokens);
    for (size_t i = 0; i < c.ropes.size(); ++i) {
      RopeTable& rope = ws.ropes[i];
      compute_rope_angles(rope.freq.span(), c.ropes[i].magnitude, n_past, n_tokens, rope.cos.data(),
                          rope.sin.data());
    }
  }
  for (size_t l = first_layer; l < last_layer; ++l) {
    pass.attention_block(l, w.layers[l]);
    pass.feed_forward_block(w.layers[l]);
  }
  if (last_layer == c.n_layer && n_rows > 0) pass.output(w, n_rows, top);
  return ok_status();
}

}  // namespace pipit
