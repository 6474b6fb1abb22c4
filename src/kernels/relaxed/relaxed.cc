// Products and tables of the relaxed sets.
#include "kernels/relaxed/relaxed.h"

#include <algorithm>

#include "kernels/panels/bounds.h"
#include "kernels/panels/panel_loop.h"
#include "kernels/panels/units.h"
#include "kernels/relaxed/activations.h"
#include "kernels/relaxed/attention.h"
#include "kernels/relaxed/dot.h"
#include "kernels/relaxed/unpacked.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

namespace pipit {
namespace relaxed {
namespace {

using panels::HighPanel;
using panels::PanelSum;
using panels::Part;
using panels::Streams;
using panels::UnitConstants;
using panels::Units;
using simd128::load;

// The product of outlier unit i with its columns of a panel, added to `sums`.
template <typename Dot, typename Panel, int T>
inline void add_outlier(const Panel& panel, const GroupTile<T>& group, size_t i,
                        const UnitConstants<Panel>& constants, v128_t (&sums)[T][2]) {
  PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
    const v128_t w = load_unit(panel, group.unit[i], half, constants);
    PIPIT_UNROLL for (int t = 0; t < T; ++t) {
      sums[t][half] = Dot::add(wasm_v128_load32_splat(group.outlier[i][t]), w, sums[t][half]);
    }
  }
}

// Adds 128 · the products of the outlier units among those of scale `part`. Two units share their
// sums before those are widened.
template <typename Dot, typename Panel, int T>
inline void add_outliers(const Panel& panel, const GroupTile<T>& group, uint32_t part,
                         const UnitConstants<Panel>& constants, v128_t (&totals)[T][2]) {
  const auto is_here = [&](size_t i) {
    return Panel::kScales == 1 || group.unit[i] * Panel::kScales / kUnits == part;
  };
  v128_t sums[T][2] = {};
  if (is_here(0)) add_outlier<Dot>(panel, group, 0, constants, sums);
  if (group.n_outliers > 1 && is_here(1)) add_outlier<Dot>(panel, group, 1, constants, sums);
  PIPIT_UNROLL for (int t = 0; t < T; ++t) {
    PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
      totals[t][half] = wasm_i32x4_add(totals[t][half], Dot::total_times_128(sums[t][half]));
    }
  }
}

// The sums over the groups of S panels of 4- to 6-bit rows with the activations of T
// tokens; factors_of(s, g) has the scales and minima.
template <typename Dot, typename Panel, int S, int T, typename FactorsOf>
inline void nibbles_q8_gemm_8SxT__relaxed(Streams<Panel, S> streams, size_t n_groups,
                                          const GroupTile<T>* a, const FactorsOf& factors_of,
                                          PanelSum (&sums)[S][T]) {
  constexpr int kScales = Panel::kScales;
  constexpr int kPartUnits = static_cast<int>(kUnits) / kScales;
  // How many products of a unit may be added up: a pair of 4 bits is at most 127 · 15 · 2 = 3,810
  // in magnitude, so the 8 of a group fit in 16 bits; 4 of 5 bits; 2 of 6 bits.
  constexpr int kAddable = std::min(kPartUnits, Dot::kMaxSum / (127 * Panel::kMax * 2) & ~1);
  const UnitConstants<Panel> constants;
  clear(sums);
  for (size_t g = 0; g < n_groups; ++g) {
    const GroupTile<T>& group = a[g];
    PIPIT_UNROLL for (int s = 0; s < S; ++s) {
      const Panel& panel = streams[s][g];
      const auto& factors = factors_of(s, g);
      // All loads stand before the products, which go from the last one to the first: of a sum's
      // operands LLVM takes the one that depends on the later load as the left one, whose code
      // comes first, and that has to be the sum so far. Otherwise all products wait for the last.
      const Units<Panel> units(panel);
      v128_t q[kUnits][T];
      PIPIT_UNROLL for (int u = 0; u < static_cast<int>(kUnits); ++u) {
        PIPIT_UNROLL for (int t = 0; t < T; ++t) {
          q[u][t] = wasm_v128_load32_splat(group.q[t] + 4 * u);
        }
      }
      PIPIT_UNROLL for (int part = kScales - 1; part >= 0; --part) {
        v128_t totals[T][2];
        PIPIT_UNROLL for (int first = kPartUnits - kAddable; first >= 0; first -= kAddable) {
          v128_t dots[T][2] = {};
          PIPIT_UNROLL for (int i = kAddable - 1; i >= 0; --i) {
            const int u = part * kPartUnits + first + i;
            const v128_t w[2] = {units.bytes(u, 0, constants), units.bytes(u, 1, constants)};
            PIPIT_UNROLL for (int t = 0; t < T; ++t) {
              PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
                dots[t][half] = Dot::add(q[u][t], w[half], dots[t][half]);
              }
            }
          }
          PIPIT_UNROLL for (int t = 0; t < T; ++t) {
            PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
              const v128_t total = Dot::total(dots[t][half]);
              totals[t][half] =
                  first == kPartUnits - kAddable ? total : wasm_i32x4_add(totals[t][half], total);
            }
          }
        }
        if (group.n_outliers > 0) {
          add_outliers<Dot>(panel, group, static_cast<uint32_t>(part), constants, totals);
        }
        PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
          const v128_t scale = load_scale(factors, part, half);
          const v128_t min = load_min(factors, part, half);
          const float* sum = kScales == 1 ? group.sum : group.half_sum[part];
          PIPIT_UNROLL for (int t = 0; t < T; ++t) {
            const v128_t scaled = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(totals[t][half]),
                                                 wasm_v128_load32_splat(group.scale + t));
            v128_t& total = sums[s][t].half[half];
            total = wasm_f32x4_relaxed_madd(scaled, scale, total);
            total = wasm_f32x4_relaxed_madd(wasm_v128_load32_splat(sum + t), min, total);
          }
        }
      }
    }
  }
}

// Whether weights of that kind are multiplied here; the others are by simd128.
constexpr bool is_multiplied(WeightKind kind) { return is_integer(kind) && has_min(kind); }

// The buffer of quantised activations: tiles for these products, then what simd128 reads.
uint64_t quantised_bytes(size_t n_tokens, size_t n_cols) {
  return tile_bytes(n_tokens, n_cols) + simd128::quantised_bytes(n_tokens, n_cols);
}

void quantise(Activations& a, size_t tile) {
  if (a.for_bounds || a.is_for(is_multiplied)) quantise_tile(a, tile, a.quantised.data());
  if (a.is_for([](WeightKind kind) { return is_integer(kind) && !is_multiplied(kind); })) {
    simd128::quantise_tile(a, tile, a.quantised.data() + tile_bytes(a.n_tokens, a.n_cols));
  }
}

// The products of each kind of weights are functions of their own: an engine optimises what runs,
// and the sooner the smaller it is.
template <typename Dot, typename Panel>
[[gnu::noinline]] void multiply_token(const Part& part) {
  const size_t n_groups = part.w.n_cols / kGroupSize;
  const auto* tile = reinterpret_cast<const GroupTile<1>*>(part.x.quantised.data());
  panels::for_streams<Panel>(
      part, n_groups, [&]<int S>(Streams<Panel, S> streams, size_t, PanelSum(&sums)[S][1]) {
        nibbles_q8_gemm_8SxT__relaxed<Dot>(
            streams, n_groups, tile, [&](int s, size_t g) -> const Panel& { return streams[s][g]; },
            sums);
      });
}

// Of two to four tokens, too: products that unpack nothing would be 1.2 to 1.6 times as fast there,
// and 12 KB of the gzipped module.
template <typename Dot, typename Panel>
[[gnu::noinline]] void multiply_tiles(const Part& part) {
  constexpr int T = kTileTokens;
  const size_t n_groups = part.w.n_cols / kGroupSize;
  const auto* panels = reinterpret_cast<const Panel*>(part.w.bytes.data());
  const auto* tiles = reinterpret_cast<const GroupTile<T>*>(part.x.quantised.data());
  UnpackedFactors<Panel::kScales> factors[kMostUnpacked];
  [[maybe_unused]] UnpackedWeights weights[is_unpacking_faster<Dot, Panel> ? kMostUnpacked : 1];
  for (size_t i = part.first_panel; i < part.first_panel + part.n_panels; ++i) {
    for (size_t first = 0; first < n_groups; first += kMostUnpacked) {
      const size_t n = std::min(kMostUnpacked, n_groups - first);
      const Streams<Panel, 1> panel = {panels + i * n_groups + first, 0};
      unpack_factors(panel.first, n, factors);
      if constexpr (is_unpacking_faster<Dot, Panel>) unpack_weights(panel.first, n, weights);
      for (size_t token = 0; token < part.x.n_tokens; token += T) {
        const GroupTile<T>* tile = tiles + token / T * n_groups + first;
        PanelSum sums[1][T];
        if constexpr (is_unpacking_faster<Dot, Panel>) {
          bytes_q8_gemm_8xT__relaxed<Dot, Panel>(weights, factors, n, tile, sums);
        } else {
          nibbles_q8_gemm_8SxT__relaxed<Dot>(
              panel, n, tile, [&](int, size_t g) -> const auto& { return factors[g]; }, sums);
        }
        PIPIT_UNROLL for (size_t t = 0; t < T; ++t) {
          if (token + t < part.x.n_tokens) {
            PanelSum sum = sums[0][t];  // a copy, for the reason that stands at write_sum()
            if (first > 0) sum = add(sum, panels::read_sum(part, i, token + t));
            panels::write_sum(part, sum, i, token + t);
          }
        }
      }
    }
  }
}

template <typename Dot>
void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y) {
  const Part part = {w, x, first_panel, n_panels, y};
  if (!is_multiplied(w.kind())) {
    return simd128::multiply(part, x.quantised.data() + tile_bytes(x.n_tokens, x.n_cols));
  }
  panels::with_nibble_panel(w.kind(), [&]<typename Panel>() {
    if constexpr (!Panel::kIsSigned) {
      if (x.n_tokens == 1) {
        multiply_token<Dot, Panel>(part);
      } else {
        multiply_tiles<Dot, Panel>(part);
      }
    }
  });
}

template <typename Dot>
void upper_bounds(const PackedMatrix& w, const Activations& x, const float* energy,
                  size_t first_panel, size_t n_panels, float* y, float* largest) {
  const auto* groups = reinterpret_cast<const GroupTile<1>*>(x.quantised.data());
  const UnitConstants<HighPanel> constants;
  panels::for_bounds(
      {w, x, first_panel, n_panels, y}, energy, largest,
      [&](size_t g) { return panels::BoundGroup{groups[g].scale[0], groups[g].sum[0]}; },
      [&](const HighPanel& panel, size_t g, v128_t(&dots)[2]) {
        const GroupTile<1>& group = groups[g];
        const Units<HighPanel> units(panel);
        v128_t q[kUnits];  // loaded before the products, as above
        PIPIT_UNROLL for (int u = 0; u < static_cast<int>(kUnits); ++u) {
          q[u] = wasm_v128_load32_splat(group.q[0] + 4 * u);
        }
        v128_t totals[1][2] = {};
        PIPIT_UNROLL for (int u = static_cast<int>(kUnits) - 1; u >= 0; --u) {
          PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
            totals[0][half] = Dot::add(q[u], units.bytes(u, half, constants), totals[0][half]);
          }
        }
        PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
          totals[0][half] = Dot::total(totals[0][half]);
        }
        if (group.n_outliers > 0) add_outliers<Dot>(panel, group, 0, constants, totals);
        std::copy_n(totals[0], 2, dots);
      },
      [](v128_t a, v128_t b, v128_t c) { return wasm_f32x4_relaxed_madd(a, b, c); });
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
  if (!is_multiplied(kind)) {
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
  set.upper_bounds = upper_bounds<Dot>;
  set.attention = attention<Dot>;
  return set;
}

}  // namespace
}  // namespace relaxed

constinit const KernelSet kRelaxedI16 = relaxed::kernel_set<relaxed::DotI16>("relaxed-i16");
constinit const KernelSet kRelaxedI32 = [] {
  KernelSet set = relaxed::kernel_set<relaxed::DotI32>("relaxed-i32");
  set.speed = relaxed::DotI32::speed;
  return set;
}();

}  // namespace pipit
