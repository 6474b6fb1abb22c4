// Products and tables of the relaxed sets.
#include "kernels/relaxed/relaxed.h"

#include "kernels/panels/panel_loop.h"
#include "kernels/relaxed/activations.h"
#include "kernels/relaxed/attention.h"
#include "kernels/relaxed/dot.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

namespace pipit {
namespace relaxed {
namespace {

using panels::PanelSum;
using panels::Part;
using panels::Q4Panel;
using panels::Streams;
using simd128::load;

// The product of outlier unit i with its columns of a panel, added to `sums`.
template <typename Dot, int T>
inline void add_outlier(const Q4Panel& panel, const GroupTile<T>& group, size_t i, v128_t mask,
                        v128_t (&sums)[T][2]) {
  const uint32_t unit = group.unit[i];
  PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
    const v128_t bytes = load(panel.q[unit / 2][half]);
    const v128_t w = wasm_v128_and(wasm_u16x8_shr(bytes, unit % 2 * 4), mask);
    PIPIT_UNROLL for (int t = 0; t < T; ++t) {
      sums[t][half] = Dot::add(wasm_v128_load32_splat(group.outlier[i][t]), w, sums[t][half]);
    }
  }
}

// Adds 128 · the products of the outlier units, of which there is at least one. Two units share
// their sums before those are widened.
template <typename Dot, int T>
inline void add_outliers(const Q4Panel& panel, const GroupTile<T>& group, v128_t mask,
                         v128_t (&totals)[T][2]) {
  v128_t sums[T][2] = {};
  add_outlier<Dot>(panel, group, 0, mask, sums);
  if (group.n_outliers > 1) add_outlier<Dot>(panel, group, 1, mask, sums);
  PIPIT_UNROLL for (int t = 0; t < T; ++t) {
    PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
      totals[t][half] = wasm_i32x4_add(totals[t][half], Dot::total_times_128(sums[t][half]));
    }
  }
}

// Σ over the groups of S panels of 4-bit rows with the activations of T tokens. A sum of two
// products is at most 127 · 15 · 2 = 3,810 in magnitude, so the 8 of a group fit in 16 bits.
template <typename Dot, int S, int T>
inline void q4_q8_gemm_8SxT__relaxed(Streams<Q4Panel, S> streams, size_t n_groups,
                                     const GroupTile<T>* a, PanelSum (&sums)[S][T]) {
  const v128_t mask = load(panels::kNibbleMask8);
  clear(sums);
  for (size_t g = 0; g < n_groups; ++g) {
    const GroupTile<T>& group = a[g];
    PIPIT_UNROLL for (int s = 0; s < S; ++s) {
      const Q4Panel& panel = streams[s][g];
      v128_t dots[T][2];
      PIPIT_UNROLL for (int t = 0; t < T; ++t) dots[t][0] = dots[t][1] = wasm_i32x4_const_splat(0);
      // All loads stand before the products, which go from the last one to the first: of a sum's
      // operands LLVM takes the one that depends on the later load as the left one, whose code
      // comes first, and that has to be the sum so far. Otherwise all products wait for the last.
      v128_t bytes[4][2];
      v128_t q[4][2][T];
      PIPIT_UNROLL for (int v = 0; v < 4; ++v) {
        PIPIT_UNROLL for (int half = 0; half < 2; ++half) bytes[v][half] = load(panel.q[v][half]);
        PIPIT_UNROLL for (int high = 0; high < 2; ++high) {
          PIPIT_UNROLL for (int t = 0; t < T; ++t) {
            q[v][high][t] = wasm_v128_load32_splat(group.q[t] + 8 * v + 4 * high);
          }
        }
      }
      PIPIT_UNROLL for (int v = 3; v >= 0; --v) {
        PIPIT_UNROLL for (int high = 1; high >= 0; --high) {
          v128_t w[2];
          PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
            const v128_t nibbles = high ? wasm_u16x8_shr(bytes[v][half], 4) : bytes[v][half];
            w[half] = wasm_v128_and(nibbles, mask);
          }
          PIPIT_UNROLL for (int t = 0; t < T; ++t) {
            PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
              dots[t][half] = Dot::add(q[v][high][t], w[half], dots[t][half]);
            }
          }
        }
      }
      PIPIT_UNROLL for (int t = 0; t < T; ++t) {
        PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
          dots[t][half] = Dot::total(dots[t][half]);
        }
      }
      if (group.n_outliers > 0) add_outliers<Dot>(panel, group, mask, dots);
      PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
        const v128_t scale = load(panel.scale + 4 * half);
        const v128_t min = load(panel.min + 4 * half);
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(dots[t][half]),
                                               wasm_v128_load32_splat(group.scale + t));
          v128_t& total = sums[s][t].half[half];
          total = wasm_f32x4_relaxed_madd(scaled, scale, total);
          total = wasm_f32x4_relaxed_madd(wasm_v128_load32_splat(group.sum + t), min, total);
        }
      }
    }
  }
}

// The buffer of quantised activations: tiles for the 4-bit products, then what simd128 reads.
uint64_t quantised_bytes(size_t n_tokens, size_t n_cols) {
  return tile_bytes(n_tokens, n_cols) + simd128::quantised_bytes(n_tokens, n_cols);
}

void quantise(Activations& a, size_t tile) {
  if (a.for_int4) quantise_tile(a, tile, a.quantised.data());
  if (a.for_int8) {
    simd128::quantise_tile(a, tile, a.quantised.data() + tile_bytes(a.n_tokens, a.n_cols));
  }
}

template <typename Dot>
void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y) {
  const Part part = {w, x, first_panel, n_panels, y};
  if (w.kind() != WeightKind::kInt4) {
    return simd128::multiply(part, x.quantised.data() + tile_bytes(x.n_tokens, x.n_cols));
  }
  const size_t n_groups = w.n_cols / kGroupSize;
  panels::for_panels<Q4Panel, panels::LastTokens::kPaddedTile>(
      part, n_groups,
      [&]<int S, int T>(Streams<Q4Panel, S> streams, size_t token, PanelSum(&sums)[S][T]) {
        const auto* tiles = reinterpret_cast<const GroupTile<T>*>(x.quantised.data());
        q4_q8_gemm_8SxT__relaxed<Dot>(streams, n_groups, tiles + token / T * n_groups, sums);
      });
}

template <int T>
void read_tile(const GroupTile<T>* tile, size_t n_groups, size_t t, IntegerActivations& out) {
  for (size_t g = 0; g < n_groups; ++g) {
    for (size_t i = 0; i < kGroupSize; ++i) out.q[g * kGroupSize + i] = tile[g].q[t][i];
    for (size_t j = 0; j < tile[g].n_outliers; ++j) {
      for (size_t i = 0; i < kUnitColumns; ++i) {
        int16_t& q = out.q[g * kGroupSize + tile[g].unit[j] * kUnitColumns + i];
        q = static_cast<int16_t>(q + 128 * tile[g].outlier[j][t][i]);
      }
    }
    out.scale[g] = tile[g].scale[t];
  }
}

void read_activations(const Activations& a, WeightKind kind, size_t token,
                      IntegerActivations& out) {
  const size_t n_groups = a.n_cols / kGroupSize;
  if (kind == WeightKind::kInt8) {
    simd128::read_activations(a, a.quantised.data() + tile_bytes(a.n_tokens, a.n_cols), token, out);
  } else if (a.n_tokens == 1) {
    read_tile(reinterpret_cast<const GroupTile<1>*>(a.quantised.data()), n_groups, 0, out);
  } else {
    const auto* tiles = reinterpret_cast<const GroupTile<kTileTokens>*>(a.quantised.data());
    read_tile(tiles + token / kTileTokens * n_groups, n_groups, token % kTileTokens, out);
  }
}

// A set with the products of one form; everything else as in simd128.
template <typename Dot>
constexpr KernelSet kernel_set(const char* name) {
  KernelSet set = simd128::vector_kernels(name);
  set.quantised_bytes = quantised_bytes;
  set.quantise = quantise;
  set.read_activations = read_activations;
  set.matmul = matmul<Dot>;
  set.attention = attention<Dot>;
  return set;
}

}  // namespace
}  // namespace relaxed

constinit const KernelSet kRelaxedI16 = relaxed::kernel_set<relaxed::DotI16>("relaxed-i16");
constinit const KernelSet kRelaxedI32 = [] {
  KernelSet set = relaxed::kernel_set<relaxed::DotI32>("relaxed-i32");
  set.is_emulated = relaxed::DotI32::is_emulated;
  return set;
}();

}  // namespace pipit
