// Upper bounds of a halved matrix's products (KernelSet::upper_bounds), for the vector sets.
#pragma once

#include "kernels/panels/float_elements.h"
#include "kernels/panels/panel_loop.h"
#include "kernels/simd128/vec.h"

namespace pipit::panels {

// A token's group, as a set has quantised it: x ≈ scale · q, sum = Σ x.
struct BoundGroup {
  float scale;
  float sum;
};

// NaN if any lane is.
inline float largest_lane(v128_t v) {
  v = wasm_f32x4_max(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  v = wasm_f32x4_max(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(v, 0);
}

// Writes the bounds of the rows of `part`, whose products are those of one token.
// group(g) is a BoundGroup; multiply(panel, g, dots) gives Σ q · high nibbles, i32, a lane a row;
// madd(a, b, c) is a · b + c.
template <typename Group, typename Multiply, typename Madd>
void for_bounds(const Part& part, const float* energy, float* largest, const Group& group,
                const Multiply& multiply, const Madd& madd) {
  const size_t n_groups = part.w.n_cols / kGroupSize;
  const HighPanel* first_panel = high_panels(part.w);
  for_streams<HighPanel>(
      part, n_groups, [&]<int S>(Streams<HighPanel, S> streams, size_t, PanelSum(&sums)[S][1]) {
        PanelSum variance[S][1];
        clear(sums);
        clear(variance);
        for (size_t g = 0; g < n_groups; ++g) {
          const BoundGroup x = group(g);
          const v128_t scale = wasm_f32x4_splat(16 * x.scale);
          const v128_t rest = wasm_f32x4_splat((kLowMean - 128) * x.sum);
          const v128_t noise = wasm_f32x4_splat(kLowVariance * energy[g]);
          PIPIT_UNROLL for (int s = 0; s < S; ++s) {
            v128_t dots[2];
            multiply(streams[s][g], g, dots);
            PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
              const v128_t w = to_f32(streams[s][g].scale + 4 * half);
              v128_t& sum = sums[s][0].half[half];
              v128_t& square = variance[s][0].half[half];
              const v128_t product = madd(wasm_f32x4_convert_i32x4(dots[half]), scale, rest);
              sum = madd(product, w, sum);
              square = madd(wasm_f32x4_mul(w, w), noise, square);
            }
          }
        }
        const v128_t deviations = wasm_f32x4_splat(kBoundDeviations);
        PIPIT_UNROLL for (int s = 0; s < S; ++s) {
          PIPIT_UNROLL for (int half = 0; half < 2; ++half) {
            v128_t& sum = sums[s][0].half[half];
            sum = madd(wasm_f32x4_sqrt(variance[s][0].half[half]), deviations, sum);
          }
          const size_t panel = static_cast<size_t>(streams[s] - first_panel) / n_groups;
          largest[panel] = largest_lane(wasm_f32x4_max(sums[s][0].half[0], sums[s][0].half[1]));
        }
      });
}

}  // namespace pipit::panels
