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

// How a kernel takes the tokens that do not fill a tile of four.
enum class LastTokens { kTwoAndOne, kPaddedTile };

// Calls kernel(streams, first token, sums) for the panels of `part`, each of `panel_size` Panels,
// and all tokens, and writes the sums to y [n_tokens, n_rows]; the last panel may be a part of one.
template <typename Panel, LastTokens kLastTokens, typename Kernel>
void for_panels(const Part& part, size_t panel_size, const Kernel& kernel) {
  const auto* panels = reinterpret_cast<const Panel*>(part.w.bytes.data());
  const size_t n_rows = part.w.n_rows;
  const size_t n_tokens = part.x.n_tokens;

  // `sum` is a copy: were a part of the sums themselves copied to y, all of them would be kept in
  // memory, cleared by memset and fetched by memcpy (3 % of a token).
  const auto write = [&](PanelSum sum, size_t panel, size_t token) {
    const size_t row = panel * kPanelRows;
    float* y = part.y + token * n_rows + row;
    if (row + kPanelRows <= n_rows) {
      wasm_v128_store(y, sum.half[0]);
      wasm_v128_store(y + 4, sum.half[1]);
    } else {  // the last panel is a part of one
      std::memcpy(y, sum.half, (n_rows - row) * sizeof(float));
    }
  };

  // Panels `panel`, `panel` + distance, … with the tokens from `token` on.
  const auto compute = [&]<int S, int T>(size_t panel, size_t distance, size_t token) {
    PanelSum sums[S][T];
    kernel(Streams<Panel, S>{panels + panel * panel_size, distance * panel_size}, token, sums);
    PIPIT_UNROLL for (size_t s = 0; s < S; ++s) {
      PIPIT_UNROLL for (size_t t = 0; t < T; ++t) {
        if (token + t < n_tokens) write(sums[s][t], panel + s * distance, token + t);
      }
    }
  };

  size_t panel = part.first_panel;
  const size_t end = part.first_panel + part.n_panels;
  if (n_tokens == 1) {
    if (part.x.n_streams == kMaxStreams) {
      const size_t distance = part.n_panels / kMaxStreams;
      for (; panel < part.first_panel + distance; ++panel) {
        compute.template operator()<kMaxStreams, 1>(panel, distance, 0);
      }
      panel = part.first_panel + distance * kMaxStreams;
    }
    for (; panel < end; ++panel) compute.template operator()<1, 1>(panel, 0, 0);
    return;
  }
  for (; panel < end; ++panel) {  // it stays in the first-level cache for all its tokens
    size_t token = 0;
    for (; token + 4 <= n_tokens; token += 4) compute.template operator()<1, 4>(panel, 0, token);
    if constexpr (kLastTokens == LastTokens::kPaddedTile) {
      if (token < n_tokens) compute.template operator()<1, 4>(panel, 0, token);
    } else {
      for (; token + 2 <= n_tokens; token += 2) {
        compute.template operator()<1, 2>(panel, 0, token);
      }
      if (token < n_tokens) compute.template operator()<1, 1>(panel, 0, token);
    }
  }
}

}  // namespace pipit::panels
