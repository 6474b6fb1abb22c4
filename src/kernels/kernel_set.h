// The kernel table: everything the transformer computes goes through one of these sets, each with a
// weight layout of its own. A set is chosen when a model is loaded; `reference` is the oracle of
// all others.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/array.h"
#include "kernels/kv_layout.h"
#include "pipit/status.h"
#include "quant/format.h"

namespace pipit {

// Output rows of a panel. Rows reach pack_rows() in runs of this many, so a set may interleave
// them.
inline constexpr size_t kPanelRows = 8;

// Tokens of one tile: quantise() is called for whole tiles, so a set may interleave their tokens.
inline constexpr size_t kTileTokens = 4;

// A weight matrix [n_rows, n_cols] in the layout of the kernel set that packed it. y = W x.
struct PackedMatrix {
  const Format* format = nullptr;
  uint32_t n_rows = 0;  // outputs
  uint32_t n_cols = 0;  // inputs; a multiple of kGroupSize for the integer kinds
  // 8-bit weights, packed so that upper_bounds() reads only half of them. In sets that have it.
  bool is_halved = false;
  Array<uint8_t> bytes;

  WeightKind kind() const { return format->kind; }
  size_t n_panels() const { return (n_rows + kPanelRows - 1) / kPanelRows; }
};

// See KernelSet::upper_bounds.
inline constexpr float kBoundDeviations = 7;

// The most panels that a product of one token reads side by side.
inline constexpr size_t kMaxStreams = 8;

// Inputs of a matrix product: the floats, and the same as integer groups in the layout of the
// kernel set.
struct Activations {
  const float* x = nullptr;  // [n_tokens, n_cols]
  size_t n_tokens = 0;
  size_t n_cols = 0;
  Array<uint8_t> quantised;  // quantised_bytes(n_tokens, n_cols), written by quantise()
  // The kinds of weights that will be multiplied with them, all unless set: a set may quantise
  // differently for each.
  std::bitset<kWeightKinds> kinds = std::bitset<kWeightKinds>().set();
  bool for_bounds = true;  // whether upper_bounds() will read them
  // How many panels, far apart in memory, a product of one token reads side by side: 1 or
  // kMaxStreams. It changes no bit of the result (kernels/stream_choice.h).
  size_t n_streams = 1;

  size_t n_tiles() const { return (n_tokens + kTileTokens - 1) / kTileTokens; }

  // Whether one of the kinds is such.
  template <typename IsSuch>
  bool is_for(const IsSuch& is_such) const {
    for (size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] && is_such(static_cast<WeightKind>(i))) return true;
    }
    return false;
  }
};

// One token's activations as a set has quantised them: x ≈ scale · q.
struct IntegerActivations {
  int16_t* q;    // [n_cols]
  float* scale;  // [n_cols / kGroupSize]
};

// Keys and values of one layer, in pages of kPagePositions.
struct KvView {
  KvLayout layout;              // of a head within a page
  const uint8_t* const* pages;  // page p holds the positions from p · kPagePositions on
  size_t offset;                // within a page: the layer's heads [n_head_kv, head_bytes]

  const uint8_t* head(size_t page, size_t head_kv) const {
    return pages[page] + offset + head_kv * layout.head_bytes();
  }

  // The block of that head which the position is in.
  const uint8_t* block(size_t position, size_t head_kv) const {
    return head(position / kPagePositions, head_kv) +
           position % kPagePositions / kBlockPositions * layout.block_bytes();
  }
};

// Attention of a tile of tokens, for the query heads that share one KV head:
// out[t][h] = Σ_p softmax_p(cap(scale · q[t][h]·k[p])) · v[p] over the positions p ≤ n_past + t
// that are in the window, in an encoder also over those behind them, with
// cap(s) = softcap · tanh(s / softcap)   (Gemma Team 2024).
struct AttentionArgs {
  KvView kv;
  size_t head_kv;
  const float* q;   // [n_tokens, n_head, head_dim]
  float* out;       // [n_tokens, n_head, head_dim_v]; of it, the heads of this KV head are written
  size_t n_head;    // of q and out
  size_t group;     // query heads a KV head: head_kv · group … head_kv · group + group - 1
  size_t n_tokens;  // 1 … kTileTokens
  size_t n_past;    // position of the first token
  float scale;
  float softcap = 0;    // 0: cap(s) = s
  size_t n_window = 0;  // positions that a token sees up to its own; 0: all
  size_t n_all = 0;  // a token sees what is behind it too, up to so many positions; 0: it does not

  // The positions that token t sees are first_position(t) … end_position(t) - 1.
  size_t first_position(size_t t) const {
    const size_t n_positions = n_past + t + 1;
    return n_window > 0 && n_positions > n_window ? n_positions - n_window : 0;
  }
  size_t end_position(size_t t) const { return n_all > 0 ? n_all : n_past + t + 1; }

  const float* query(size_t t, size_t g) const {
    return q + (t * n_head + head_kv * group + g) * kv.layout.head_dim;
  }
  float* output(size_t t, size_t g) const {
    return out + (t * n_head + head_kv * group + g) * kv.layout.head_dim_v;
  }
};

// Which elements of a head RoPE turns together: 2i and 2i + 1, or, with n_rot of them, i and
// i + n_rot / 2 (as in GPT-NeoX).
enum class RopePairs : uint8_t { kNeighbours, kHalves };

enum class Speed : uint8_t { kUnknown, kSlow, kFast };

struct KernelSet {
  const char* name;
  bool is_deterministic;     // the same bits on every machine
  bool is_automatic = true;  // whether "auto" may choose it

  // How fast the set is beside its rivals, as far as this machine's instructions tell; nullptr:
  // they do not.
  Speed (*speed)() = nullptr;

  // Bytes of a matrix in this set's layout. `n_cols` is a multiple of the format's block size.
  uint64_t (*packed_bytes)(const Format& format, uint64_t n_rows, uint64_t n_cols);

  // Packs rows [first_row, first_row + n_rows) from their file blocks, whose scales are finite
  // (quant/format.h, find_infinite_block). first_row is a multiple of
  // kPanelRows and n_rows is kPanelRows, or what is left at the end.
  void (*pack_rows)(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out);

  // One row as floats [n_cols]: the embedding of a token.
  void (*unpack_row)(const PackedMatrix& w, size_t row, float* out);

  // Activations as integers in groups of kGroupSize. quantise() fills one tile of a.quantised from
  // a.x; read_activations() gives back what it wrote for weights of `kind`, so that products can be
  // checked against the reference. It is nullptr in a set whose products are of another kind.
  uint64_t (*quantised_bytes)(size_t n_tokens, size_t n_cols);
  void (*quantise)(Activations& a, size_t tile);
  void (*read_activations)(const Activations& a, WeightKind kind, size_t token,
                           IntegerActivations& out);

  // y [n_tokens, w.n_rows] = x · Wᵀ, of it the rows of `n_panels` panels from `first_panel` on.
  void (*matmul)(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
                 float* y);

  // For one token and a halved matrix: y [w.n_rows] ≥ x · Wᵀ, of it the rows of those panels, from
  // the weights' high halves alone; `largest` [w.n_panels()] of each panel, NaN if one
  // is. `energy` [n_cols /
  // kGroupSize]: Σ x² of each group. The rest of a weight is taken for noise, and y lies
  // kBoundDeviations of its standard deviations above what is expected: no row is known to have
  // gone beyond, but none is proved to stay below. nullptr: the set halves no matrix.
  void (*upper_bounds)(const PackedMatrix& w, const Activations& x, const float* energy,
                       size_t first_panel, size_t n_panels, float* y, float* largest) = nullptr;

  // out[i] = weight[i] · x[i] / sqrt(mean(x²) + eps)   (Zhang & Sennrich 2019). In place is fine.
  void (*rms_norm)(const float* x, const float* weight, size_t n, float eps, float* out);

  // out[i] = weight[i] · (x[i] - mean(x)) / sqrt(variance(x) + eps) + bias[i], without it where
  // `bias` is nullptr   (Ba et al. 2016). In place is fine.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, size_t n, float eps,
                     float* out);

  // Rotates the pairs of the first n_rot elements of each head, pair i < n_rot / 2 by the angle of
  // cos[i], sin[i]   (Su et al. 2021).
  void (*rope)(float* x, size_t n_heads, size_t head_dim, size_t n_rot, RopePairs pairs,
               const float* cos, const float* sin);

  // gate[i] = gate[i] · sigmoid(gate[i]) · up[i]   (SwiGLU, Shazeer 2020).
  void (*swiglu)(float* gate, const float* up, size_t n);

  // gate[i] = GELU(gate[i]) · up[i]   (GEGLU, Shazeer 2020), GELU by its approximation with tanh,
  // x · sigmoid(2 u), u = sqrt(2 / π) (x + 0.044715 x³)   (Hendrycks & Gimpel 2016).
  void (*geglu)(float* gate, const float* up, size_t n);

  // x[i] = cap · tanh(x[i] / cap).
  void (*softcap)(float* x, size_t n, float cap);

  // x[i] += y[i].
  void (*add)(float* x, const float* y, size_t n);

  void (*attention)(const AttentionArgs& args);
};

// All sets that this build has, the fastest first, `reference` last. select.h chooses among them.
std::span<const KernelSet* const> all_kernel_sets();

// Prepares one tile of a product's inputs, whose `x` and shape are set: quantises it where its
// columns are whole groups; only the integer kinds read groups, and their columns are.
inline void prepare_tile(const KernelSet& set, Activations& activations, size_t tile) {
  if (activations.n_cols % kGroupSize == 0) set.quantise(activations, tile);
}

}  // namespace pipit
