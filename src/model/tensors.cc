// The tensors of a model, by its Config.
#include <string>
#include <utility>

#include "base/str_cat.h"
#include "model/transformer.h"

namespace pipit {
namespace {

class TensorList {
 public:
  TensorList(const Config& config, std::vector<TensorSlot>& slots) : c_(config), slots_(slots) {}

  void vector(std::string name, uint32_t n, Array<float>& target, bool required = true) {
    slots_.push_back({.name = std::move(name),
                      .n_rows = 1,
                      .n_cols = n,
                      .vector = &target,
                      .required = required});
  }

  void matrix(std::string name, uint32_t n_rows, uint32_t n_cols, PackedMatrix& target,
              bool required = true) {
    fused(std::move(name), n_cols, {{n_rows, &target}}, required);
  }

  void head(std::string name, PackedMatrix& target, bool required = true) {
    matrix(std::move(name), c_.n_vocab, c_.n_embd, target, required);
    slots_.back().is_head = true;
  }

  // Several matrices as one tensor, one below the other.
  void fused(std::string name, uint32_t n_cols, std::vector<MatrixRows> matrices,
             bool required = true) {
    uint32_t n_rows = 0;
    for (const MatrixRows& matrix : matrices) n_rows += matrix.n_rows;
    slots_.push_back({.name = std::move(name),
                      .n_rows = n_rows,
                      .n_cols = n_cols,
                      .matrices = std::move(matrices),
                      .required = required});
  }

  void norm(const std::string& name, uint32_t n, Norm& target) {
    vector(name + ".weight", n, target.weight);
    if (c_.traits.norm == NormKind::kLayer) vector(name + ".bias", n, target.bias, false);
  }

  void linear(const std::string& name, uint32_t n_rows, uint32_t n_cols, Linear& target,
              bool needs_bias = false) {
    matrix(name + ".weight", n_rows, n_cols, target.weight);
    vector(name + ".bias", n_rows, target.bias, needs_bias);
  }

 private:
  const Config& c_;
  std::vector<TensorSlot>& slots_;
};

void list_layer(const Config& c, const std::string& block, LayerWeights& w, TensorList& list) {
  const Traits& traits = c.traits;
  const NormPlaces places = traits.norm_places;
  const bool has_norm_before = places == NormPlaces::kBefore || places == NormPlaces::kBoth;
  const bool has_norm_after = places != NormPlaces::kBefore;
  const bool is_after_sum = places == NormPlaces::kAfterSum;
  const uint32_t n_embd = c.n_embd;

  if (has_norm_before) list.norm(block + "attn_norm", n_embd, w.attn_norm);
  if (traits.fuses_qkv) {
    list.fused(block + "attn_qkv.weight", n_embd,
               {{c.n_embd_q(), &w.attn_q.weight},
                {c.n_embd_k(), &w.attn_k.weight},
                {c.n_embd_v(), &w.attn_v.weight}});
  } else {
    const bool bias = traits.needs_qkv_bias;
    list.linear(block + "attn_q", c.n_embd_q(), n_embd, w.attn_q, bias);
    list.linear(block + "attn_k", c.n_embd_k(), n_embd, w.attn_k, bias);
    list.linear(block + "attn_v", c.n_embd_v(), n_embd, w.attn_v, bias);
  }
  if (traits.qk_norm != QkNorm::kNone) {
    const bool is_all = traits.qk_norm == QkNorm::kAll;
    list.norm(block + "attn_q_norm", is_all ? c.n_embd_q() : c.head_dim, w.attn_q_norm);
    list.norm(block + "attn_k_norm", is_all ? c.n_embd_k() : c.head_dim, w.attn_k_norm);
  }
  list.linear(block + "attn_output", n_embd, c.n_embd_attn(), w.attn_output);
  if (has_norm_after) {
    list.norm(block + (is_after_sum ? "attn_output_norm" : "post_attention_norm"), n_embd,
              w.post_attention_norm);
  }

  if (has_norm_before) list.norm(block + "ffn_norm", n_embd, w.ffn_norm);
  if (traits.fuses_gate) {
    list.fused(block + "ffn_up.weight", n_embd,
               {{c.n_ff, &w.ffn_gate.weight}, {c.n_ff, &w.ffn_up.weight}});
  } else {
    if (traits.has_gate) list.linear(block + "ffn_gate", c.n_ff, n_embd, w.ffn_gate);
    list.linear(block + "ffn_up", c.n_ff, n_embd, w.ffn_up);
  }
  list.linear(block + "ffn_down", n_embd, c.n_ff, w.ffn_down);
  if (has_norm_after) {
    list.norm(block + (is_after_sum ? "layer_output_norm" : "post_ffw_norm"), n_embd,
              w.post_ffw_norm);
  }
}

}  // namespace

std::vector<TensorSlot> list_tensors(const Config& c, Weights& w) {
  std::vector<TensorSlot> slots;
  TensorList list(c, slots);
  if (c.traits.is_encoder) {
    list.matrix("token_embd.weight", c.n_vocab, c.n_embd, w.token_embd);
    if (c.n_token_types > 0) {
      list.matrix("token_types.weight", c.n_token_types, c.n_embd, w.token_types);
    }
    if (c.traits.has_positions) {
      list.matrix("position_embd.weight", c.n_ctx_train, c.n_embd, w.position_embd);
    }
    list.norm("token_embd_norm", c.n_embd, w.token_embd_norm);
  } else {
    list.head("token_embd.weight", w.token_embd);
    list.norm("output_norm", c.n_embd, w.output_norm);
    list.head("output.weight", w.output, false);  // else the embeddings
  }
  for (size_t i = 0; i < w.layers.size(); ++i) {
    list_layer(c, str_cat("blk.", i, "."), w.layers[i], list);
  }
  list.vector("rope_freqs.weight", c.n_rot / 2, w.rope_freqs, false);
  list.vector("rope_factors_short.weight", c.n_rot / 2, w.rope_factors_short, false);
  list.vector("rope_factors_long.weight", c.n_rot / 2, w.rope_factors_long, false);
  return slots;
}

}  // namespace pipit
