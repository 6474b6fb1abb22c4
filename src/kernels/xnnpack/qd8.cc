// The xnnpack-qd8 set: XNNPACK's products of 8-bit weights with one scale a row and activations
// that are quantised to 8 bits a token at a time.
#include <xnnpack/gemm.h>

#include <algorithm>
#include <cmath>

#include "kernels/panels/panels.h"
#include "kernels/quantised_activations.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"
#include "kernels/xnnpack/xnnpack.h"

namespace pipit {
namespace xnnpack_qd8 {
namespace {

using simd128::load;
using simd128::store;

bool is_integer(const Format& format) { return format.decode_group != nullptr; }

// --- weights ----------------------------------------------------------------------------------

// Rows of a block, XNNPACK's nr. Its layout ("4c2s4"):
//   int32 -Σ q of the row        [kBlockRows]
//   int8 q                       [n_cols / 8, 4, kBlockRows, 2]
//   float scale, bias            [2, kBlockRows]
// In the second dimension of q row r has its pairs of columns rotated to the left by r.
constexpr size_t kBlockRows = 4;
static_assert(kPanelRows % kBlockRows == 0);

constexpr size_t kSumBytes = kBlockRows * sizeof(int32_t);
constexpr size_t kScaleBytes = 2 * kBlockRows * sizeof(float);

uint64_t block_bytes(uint64_t n_cols) { return kSumBytes + kBlockRows * n_cols + kScaleBytes; }

// One row's place in its block.
template <typename Byte>  // uint8_t or const uint8_t
class BlockRow {
 public:
  BlockRow(Byte* bytes, size_t row, size_t n_cols)
      : block_(bytes + row / kBlockRows * static_cast<size_t>(block_bytes(n_cols))),
        row_(row % kBlockRows),
        n_cols_(n_cols) {}

  auto& minus_sum() const { return cast<int32_t>(block_)[row_]; }
  auto& q(size_t col) const {
    const size_t pair = (col % 8 / 2 - row_) % 4;
    return cast<int8_t>(block_ +
                        kSumBytes)[((col / 8 * 4 + pair) * kBlockRows + row_) * 2 + col % 2];
  }
  auto& scale() const { return cast<float>(block_ + kSumBytes + kBlockRows * n_cols_)[row_]; }

 private:
  template <typename T>
  static auto cast(Byte* bytes) {
    using Target = std::conditional_t<std::is_const_v<Byte>, const T, T>;
    return reinterpret_cast<Target*>(bytes);
  }

  Byte* block_;
  size_t row_;
  size_t n_cols_;
};

// Rounded to the nearest integer from `lowest` to 127, to the even one of two; 0 for NaN.
int32_t round_to_int8(float value, float lowest) {
  if (std::isnan(value)) return 0;
  return static_cast<int32_t>(std::clamp(std::nearbyint(value), lowest, 127.0f));
}

// Calls use(column, weight) for a row in file blocks.
template <typename Use>
void for_weights(const PackedMatrix& w, const uint8_t* blocks, const Use& use) {
  for (size_t g = 0; g < w.n_cols / kGroupSize; ++g) {
    IntegerGroup group;
    w.format->decode_group(blocks, g, group);
    for (size_t k = 0; k < kGroupSize; ++k) {
      const size_t half = k / kHalfGroup;
      use(g * kGroupSize + k, group.scale[half] * static_cast<float>(group.q[k]) + group.min[half]);
    }
  }
}

uint64_t packed_bytes(const Format& format, uint64_t n_rows, uint64_t n_cols) {
  if (!is_integer(format)) return panels::packed_bytes(format, n_rows, n_cols);
  return (n_rows + kPanelRows - 1) / kPanelRows * (kPanelRows / kBlockRows) * block_bytes(n_cols);
}

void pack_rows(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out) {
  if (!is_integer(*out.format)) return panels::pack_rows(blocks, first_row, n_rows, out);
  for (size_t r = first_row; r < first_row + n_rows; ++r) {
    float max = 0;
    for_weights(out, blocks, [&](size_t, float w) { max = std::max(max, std::fabs(w)); });
    const BlockRow row(out.bytes.data(), r, out.n_cols);
    row.scale() = max / 127;
    const float inverse = max > kSmallestGroupMax ? 127 / max : 0.0f;
    int32_t sum = 0;
    for_weights(out, blocks, [&](size_t col, float w) {
      const int32_t q = round_to_int8(w * inverse, -127);
      row.q(col) = static_cast<int8_t>(q);
      sum += q;
    });
    row.minus_sum() = -sum;
    blocks += row_bytes(*out.format, out.n_cols);
  }
}

void unpack_row(const PackedMatrix& w, size_t r, float* out) {
  if (!is_integer(*w.format)) return panels::unpack_row(w, r, out);
  const BlockRow row(w.bytes.data(), r, w.n_cols);
  for (size_t k = 0; k < w.n_cols; ++k) out[k] = row.scale() * static_cast<float>(row.q(k));
}

// --- activations ------------------------------------------------------------------------------

// How a token is quantised: x = (q - zero_point) · inv_scale.
using TokenScale = xnn_qd8_quantization_params;

// A view of the buffer that quantise() writes. Microkernels compute whole tiles: for tokens that
// are missing they take the last one's values again and write its result again, so it needs its
// scale.
template <typename Byte>  // uint8_t or const uint8_t
struct QuantisedTokens {
  TokenScale* scale;  // [n_tiles · kTileTokens]
  int8_t* q;          // [n_tokens, n_cols]

  QuantisedTokens(Byte* buffer, const Activations& a)
      : scale((TokenScale*)buffer),  // NOLINT: also casts const away for readers
        q((int8_t*)(scale + a.n_tiles() * kTileTokens)) {}
};

uint64_t quantised_bytes(size_t n_tokens, size_t n_cols) {
  const uint64_t n_tiles = (uint64_t{n_tokens} + kTileTokens - 1) / kTileTokens;
  return n_tiles * kTileTokens * sizeof(TokenScale) + uint64_t{n_tokens} * n_cols;
}

// The range [min(0, x), max(0, x)] on -128 … 127, with a whole zero point; NaNs count as 0.
TokenScale token_scale(const float* x, size_t n_cols) {
  v128_t min = wasm_f32x4_const_splat(0);
  v128_t max = min;
  for (size_t i = 0; i < n_cols; i += 4) {  // pmin(a, b) keeps a when b is NaN
    min = wasm_f32x4_pmin(min, load(x + i));
    max = wasm_f32x4_pmax(max, load(x + i));
  }
  float lowest[4];
  float highest[4];
  store(lowest, min);
  store(highest, max);
  const float low = *std::min_element(lowest, lowest + 4);
  const float high = *std::max_element(highest, highest + 4);
  const float step = high / 255 - low / 255;
  if (!(step > kSmallestGroupMax)) return {.zero_point = 0, .inv_scale = 0};
  return {.zero_point = round_to_int8(-128 - low / step, -128), .inv_scale = step};
}

void quantise(Activations& a, size_t tile) {
  const QuantisedTokens tokens(a.quantised.data(), a);
  const size_t end = std::min((tile + 1) * kTileTokens, a.n_tokens);
  for (size_t t = tile * kTileTokens; t < end; ++t) {
    const float* x = a.x + t * a.n_cols;
    const TokenScale scale = tokens.scale[t] = token_scale(x, a.n_cols);
    const v128_t inverse = wasm_f32x4_splat(scale.inv_scale > 0 ? 1 / scale.inv_scale : 0);
    const v128_t zero_point = wasm_i32x4_splat(scale.zero_point);
    for (size_t i = 0; i < a.n_cols; i += 16) {
      v128_t q[4];
      for (size_t j = 0; j < 4; ++j) {
        const v128_t scaled = wasm_f32x4_mul(load(x + i + 4 * j), inverse);
        q[j] = wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(scaled)), zero_point);
      }
      store(tokens.q + t * a.n_cols + i,
            wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(q[0], q[1]),
                                    wasm_i16x8_narrow_i32x4(q[2], q[3])));
    }
  }
  std::fill(tokens.scale + end, tokens.scale + (tile + 1) * kTileTokens, tokens.scale[end - 1]);
}

// --- products ---------------------------------------------------------------------------------

void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y) {
  if (!is_integer(*w.format)) return xnnpack::matmul(w, x, first_panel, n_panels, y);
  const xnn_f32_minmax_params unbounded = {.scalar = {.min = -INFINITY, .max = INFINITY}};
  const QuantisedTokens tokens(x.quantised.data(), x);
  const size_t first_row = first_panel * kPanelRows;
  const size_t end_row = std::min<size_t>(first_row + n_panels * kPanelRows, w.n_rows);
  // All rows at once for one token; for more a panel stays in the first-level cache meanwhile.
  const size_t step = x.n_tokens == 1 ? end_row - first_row : kPanelRows;
  const auto kernel = x.n_tokens == 1
                          ? xnn_qd8_f32_qc8w_gemm_minmax_ukernel_1x4c2s4__wasmsimd_dot16x2_ld128
                          : xnn_qd8_f32_qc8w_gemm_minmax_ukernel_4x4c2s4__wasmsimd_dot16x2_ld128;
  for (size_t row = first_row; row < end_row; row += step) {
    const uint8_t* blocks =
        w.bytes.data() + row / kBlockRows * static_cast<size_t>(block_bytes(w.n_cols));
    for (size_t t = 0; t < x.n_tokens; t += kTileTokens) {
      kernel(std::min(kTileTokens, x.n_tokens - t), std::min(step, end_row - row), w.n_cols,
             tokens.q + t * x.n_cols, x.n_cols, blocks, y + t * w.n_rows + row,
             w.n_rows * sizeof(float), kBlockRows * sizeof(float), &unbounded, tokens.scale + t);
    }
  }
}

}  // namespace
}  // namespace xnnpack_qd8

constinit const KernelSet kXnnpackQd8 = [] {
  KernelSet set = simd128::vector_kernels("xnnpack-qd8");
  set.is_automatic = false;
  set.packed_bytes = xnnpack_qd8::packed_bytes;
  set.pack_rows = xnnpack_qd8::pack_rows;
  set.unpack_row = xnnpack_qd8::unpack_row;
  set.quantised_bytes = xnnpack_qd8::quantised_bytes;
  set.quantise = xnnpack_qd8::quantise;
  set.matmul = xnnpack_qd8::matmul;
  return set;
}();

}  // namespace pipit
