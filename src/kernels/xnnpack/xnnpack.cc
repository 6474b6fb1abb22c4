// The xnnpack set: XNNPACK's f32 products of panels that are unpacked a tile at a time.
#include "kernels/xnnpack/xnnpack.h"

#include <xnnpack/gemm.h>

#include <algorithm>

#include "kernels/panels/panels.h"
#include "kernels/simd128/simd128.h"

namespace pipit {
namespace xnnpack {
namespace {

// Columns of a panel that are unpacked at a time: 8 KB, which stay in the first-level cache.
constexpr size_t kTileColumns = 256;

// What the microkernel reads: the rows' biases, then their columns.
struct Tile {
  panels::FloatColumn<float> bias = {};
  panels::FloatColumn<float> columns[kTileColumns];
};

// Tokens of one call of the microkernel.
constexpr size_t kMicroTokens = 4;

// out [n_tokens, n_rows] with rows of out_stride floats = tile · x, of which n_cols columns count.
void multiply(const Tile& tile, size_t n_rows, const float* x, size_t x_stride, size_t n_cols,
              size_t n_tokens, float* out, size_t out_stride) {
  const xnn_f32_default_params params = {};
  const auto kernel = n_tokens == 1 ? xnn_f32_gemm_ukernel_1x8__wasmrelaxedsimd_fma_loadsplat
                                    : xnn_f32_gemm_ukernel_4x8__wasmrelaxedsimd_fma_loadsplat;
  kernel(n_tokens, n_rows, n_cols * sizeof(float), x, x_stride * sizeof(float), tile.bias.w, out,
         out_stride * sizeof(float), sizeof(tile.bias), &params);
}

// The same, added to out.
void multiply_add(const Tile& tile, size_t n_rows, const float* x, size_t x_stride, size_t n_cols,
                  size_t n_tokens, float* out, size_t out_stride) {
  float sums[kMicroTokens][kPanelRows];
  multiply(tile, n_rows, x, x_stride, n_cols, n_tokens, sums[0], kPanelRows);
  for (size_t t = 0; t < n_tokens; ++t) {
    for (size_t r = 0; r < n_rows; ++r) out[t * out_stride + r] += sums[t][r];
  }
}

// Products read the floats.
uint64_t quantised_bytes(size_t /*n_tokens*/, size_t /*n_cols*/) { return 0; }
void quantise(Activations& /*a*/, size_t /*tile*/) {}

}  // namespace

void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y) {
  Tile tile;
  for (size_t panel = first_panel; panel < first_panel + n_panels; ++panel) {
    const size_t row = panel * kPanelRows;
    const size_t n_rows = std::min<size_t>(kPanelRows, w.n_rows - row);
    for (size_t col = 0; col < x.n_cols; col += kTileColumns) {
      const size_t n_cols = std::min(kTileColumns, x.n_cols - col);
      panels::unpack_panel(w, panel, col, n_cols, tile.columns);
      const auto kernel = col == 0 ? multiply : multiply_add;
      for (size_t token = 0; token < x.n_tokens; token += kMicroTokens) {
        kernel(tile, n_rows, x.x + token * x.n_cols + col, x.n_cols, n_cols,
               std::min(kMicroTokens, x.n_tokens - token), y + token * w.n_rows + row, w.n_rows);
      }
    }
  }
}

}  // namespace xnnpack

constinit const KernelSet kXnnpack = [] {
  KernelSet set = simd128::vector_kernels("xnnpack");
  set.is_automatic = false;
  set.quantised_bytes = xnnpack::quantised_bytes;
  set.quantise = xnnpack::quantise;
  set.matmul = xnnpack::matmul;
  return set;
}();

}  // namespace pipit
