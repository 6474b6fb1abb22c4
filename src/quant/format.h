// The quantisation formats: one struct a format with its layout and scalar decode and encode, the
// oracle of all kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "gguf/tensor_type.h"

namespace pipit {

// Elements that share a scale, in every integer format and in the activations.
inline constexpr size_t kGroupSize = 32;

// 32 consecutive weights as small integers: weight[i] = scale * q[i] + min.
struct IntegerGroup {
  int8_t q[kGroupSize];  // 0 … 15 (4-bit formats) or -128 … 127 (8-bit formats)
  float scale;
  float min;  // 0 for formats without a minimum
};

// How a format's weights are best held in memory.
enum class WeightKind : uint8_t { kInt4, kInt8, kF16, kBF16, kF32 };

struct Format {
  TensorType type;
  WeightKind kind;
  // `n` elements (a multiple of the block size) from blocks to float, and back.
  void (*decode)(const uint8_t* blocks, size_t n, float* out);
  void (*encode)(const float* values, size_t n, uint8_t* blocks);
  // Group `i` of a row's blocks as integers, without loss; nullptr for float formats.
  void (*decode_group)(const uint8_t* blocks, size_t i, IntegerGroup& out);
};

// Bytes of a row of `n` elements, a multiple of the block size.
inline uint64_t row_bytes(const Format& format, uint64_t n) {
  const TensorTypeInfo& info = *tensor_type_info(format.type);
  return n / info.block_size * info.block_bytes;
}

// The format of a tensor type, or nullptr when pipit does not compute with it.
const Format* find_format(TensorType type);

// All formats, in the order of their numbers.
std::span<const Format* const> all_formats();

// "F32, F16, Q4_0, …": for error messages.
std::string supported_format_names();

}  // namespace pipit
