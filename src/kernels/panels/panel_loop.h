// How the vector sets walk through a product: panel by panel, for one token or for tiles of four.
#pragma once

#include <wasm_simd128.h>

#include <algorithm>
#include <cstring>

#include "kernels/panels/panels.h"

#define PIPIT_UNROLL _Pragma("clang loop unroll(full)")

namespace pipit::panels {

// Masks of the low nibble of a byte and the low byte of 16 bits, and 128 in lanes of 16. V8 builds
// a v128.const anew at each use, which costs more than the `and`; these are defined out of the
// compiler's sight, so that they are loaded into a register once (the layers of SmolLM2-135M,
// relaxed-i16: 5.6 → 4.2 ms a token).
extern const uint8_t kNibbleMask8[16];
extern const uint16_t kByteMask16[8];
extern const int16_t k128In16[8];

// One token's results of a panel: two vectors, one lane a row.
struct PanelSum {
  v128_t half[2];
};

inline PanelSum add(const PanelSum& a, const PanelSum& b) {
  return {wasm_f32x4_add(a.half[0], b.half[0]), wasm_f32x4_add(a.half[1], b.half[1])};
}

template <int S, int T>
inline void clear(PanelSum (&sums)[S][T]) {
  PIPIT_UNROLL for (int s = 0; s < S; ++s) {
    PIPIT_UNROLL for (int t = 0; t < T; ++t) {
      sums[s][t].half[0] = sums[s][t].half[1] = wasm_f32x4_const_splat(0);
    }
  }
}

// Where the panels of S streams begin.
template <typename Panel, int S>
struct Streams {
  const Panel* first;
  size_t distance;  // Panels from one stream's to the next one's

  const Panel* operator[](int s) const { return first + static_cast<size_t>(s) * distance; }
};

// The part of a product that one call of matmul() computes.
struct Part {
  const PackedMatrix& w;
  const Activations& x;
  size_t first_panel;
  size_t n_panels;
  float* y;
};

// Writes a panel's results for a token to y [n_tokens, n_rows]; the last panel may be a part of
// one. `sum` is a copy: were a part of the sums themselves copied to y, all of them would be kept
// in memory, cleared by memset and fetched by memcpy (3 % of a token).
inline void write_sum(const Part& part, PanelSum sum, size_t panel, size_t token) {
  const size_t n_rows = part.w.n_rows;
  const size_t row = panel * kPanelRows;
  float* y = part.y + token * n_rows + row;
  if (row + kPanelRows <= n_rows) {
    wasm_v128_store(y, sum.half[0]);
    wasm_v128_store(y + 4, sum.half[1]);
  } else {
    std::memcpy(y, sum.half, (n_rows - row) * sizeof(float));
  }
}

// What write_sum() has written.
inline PanelSum read_sum(const Part& part, size_t panel, size_t token) {
  const size_t row = panel * kPanelRows;
  const size_t n = std::min<size_t>(kPanelRows, part.w.n_rows - row);
  PanelSum sum = {};
  std::memcpy(sum.half, part.y + token * part.w.n_rows + row, n * sizeof(float));
  return sum;
}

// Calls kernel(streams, 0, sums) for the panels of `part`, each of `panel_size` Panels, and its one
// token, and writes the sums to y.
template <typename Panel, typename Kernel>
void for_streams(const Part& part, size_t panel_size, const Kernel& kernel) {
  const auto* panels = reinterpret_cast<const Panel*>(part.w.bytes.data());
  // Panels `panel`, `panel` + distance, …
  const auto compute = [&]<int S>(size_t panel, size_t distance) {
    PanelSum sums[S][1];
    kernel(Streams<Panel, S>{panels + panel * panel_size, distance * panel_size}, 0, sums);
    PIPIT_UNROLL for (size_t s = 0; s < S; ++s) {
      write_sum(part, sums[s][0], panel + s * distance, 0);
    }
  };
  size_t panel = part.first_panel;
  if (part.x.n_streams == kMaxStreams) {
    const size_t distance = part.n_panels / kMaxStreams;
    for (; panel < part.first_panel + distance; ++panel) {
      compute.template operator()<kMaxStreams>(panel, distance);
    }
    panel = part.first_panel + distance * kMaxStreams;
  }
  for (; panel < part.first_panel + part.n_panels; ++panel) {
    compute.template operator()<1>(panel, 0);
  }
}

// The same for all tokens, four, two or one at a time: kernel(streams, first token, sums).
template <typename Panel, typename Kernel>
void for_panels(const Part& part, size_t panel_size, const Kernel& kernel) {
  const size_t n_tokens = part.x.n_tokens;
  if (n_tokens == 1) return for_streams<Panel>(part, panel_size, kernel);
  const auto* panels = reinterpret_cast<const Panel*>(part.w.bytes.data());
  const auto compute = [&]<int T>(size_t panel, size_t token) {
    PanelSum sums[1][T];
    kernel(Streams<Panel, 1>{panels + panel * panel_size, 0}, token, sums);
    PIPIT_UNROLL for (size_t t = 0; t < T; ++t) write_sum(part, sums[0][t], panel, token + t);
  };
  const size_t end = part.first_panel + part.n_panels;
  for (size_t panel = part.first_panel; panel < end; ++panel) {
    size_t token = 0;  // the panel stays in the first-level cache for all tokens
    for (; token + 4 <= n_tokens; token += 4) compute.template operator()<4>(panel, token);
    for (; token + 2 <= n_tokens; token += 2) compute.template operator()<2>(panel, token);
    if (token < n_tokens) compute.template operator()<1>(panel, token);
  }
}

}  // namespace pipit::panels
