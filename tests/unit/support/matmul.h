// What the tests of matrix products share: packing file blocks and multiplying as the model does.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/agreement.h"
#include "support/random_values.h"

namespace pipit::testing {

inline constexpr float kRedzone = 12345.0f;

inline bool is_integer(const Format& format) { return format.decode_group != nullptr; }

// n_cols, or as many whole blocks as take the place of that many groups.
inline size_t columns_of(const Format& format, size_t n_cols) {
  const size_t block_size = tensor_type_info(format.type)->block_size;
  return block_size <= kGroupSize ? n_cols : std::min<size_t>(n_cols / kGroupSize, 2) * block_size;
}
inline std::vector<size_t> columns_of(const Format& format, std::vector<size_t> all) {
  for (size_t& n_cols : all) n_cols = columns_of(format, n_cols);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

inline bool can_be_halved(const KernelSet& set, const Format& format) {
  return set.upper_bounds != nullptr && format.kind == WeightKind::kInt8;
}

template <typename T>
T take(Result<T> result) {
  EXPECT_TRUE(result.ok());
  return std::move(*result);
}

// A matrix [n_rows, n_cols] packed as a model file's rows would be.
inline PackedMatrix pack(const KernelSet& set, const Format& format,
                         const std::vector<uint8_t>& blocks, size_t n_rows, size_t n_cols,
                         bool is_halved = false) {
  return take(pack_matrix(set, format, blocks.data(), n_rows, n_cols, is_halved));
}

// The inputs of a product, prepared as the model does.
inline Activations activations_of(const KernelSet& set, const std::vector<float>& x,
                                  size_t n_tokens, size_t n_cols) {
  return take(prepare_activations(set, x.data(), n_tokens, n_cols));
}

// y [n_tokens, n_rows] with a redzone behind it.
inline std::vector<float> multiply(const KernelSet& set, const PackedMatrix& w,
                                   const Activations& activations) {
  const size_t n = activations.n_tokens * w.n_rows;
  std::vector<float> y(n + 8, kRedzone);
  // In two parts, as two threads would.
  const size_t half = w.n_panels() / 2;
  set.matmul(w, activations, 0, half, y.data());
  set.matmul(w, activations, half, w.n_panels() - half, y.data());
  for (size_t i = n; i < y.size(); ++i) EXPECT_EQ(y[i], kRedzone) << "redzone at " << i;
  y.resize(n);
  return y;
}

inline std::vector<uint8_t> random_blocks(const Format& format, size_t n_rows, size_t n_cols,
                                          RandomValues& random) {
  const auto values = random.floats(n_rows * n_cols);
  std::vector<uint8_t> blocks(n_rows * row_bytes(format, n_cols));
  format.encode(values.data(), values.size(), blocks.data());
  return blocks;
}

// Blocks of any bytes whose scales are finite, as those of all files that are loaded.
inline std::vector<uint8_t> with_finite_scales(const Format& format, std::vector<uint8_t> blocks) {
  const size_t block_bytes = tensor_type_info(format.type)->block_bytes;
  for (size_t i = 0; (i = find_infinite_block(format, blocks)) * block_bytes < blocks.size();) {
    for (const size_t at : format.half_at) blocks[i * block_bytes + at + 1] &= 0xfb;  // exponent
  }
  return blocks;
}

inline std::string name_of(const ::testing::TestParamInfo<const Format*>& info) {
  return tensor_type_info(info.param->type)->name;
}

}  // namespace pipit::testing
