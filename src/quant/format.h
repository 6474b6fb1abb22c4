// The quantisation formats: one struct a format with its layout and scalar decode and encode, the
// oracle of all kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "gguf/tensor_type.h"

namespace pipit {

// Elements of a group, in every integer format and in the activations.
inline constexpr size_t kGroupSize = 32;
// Some formats have a scale for each half of a group.
inline constexpr size_t kHalfGroup = kGroupSize / 2;

// 32 consecutive weights as small integers: weight[i] = scale[i / 16] * q[i] + min[i / 16].
struct IntegerGroup {
  int8_t q[kGroupSize];
  float scale[2];
  float min[2];
};

// How a format's weights are best held in memory: the kinds that kernels multiply. Where zero is in
// the middle of the range the minimum is known by the scale, and is not held. Scales and minima are
// numbers in half precision, but for the kinds that are wide: theirs are products of a file's
// numbers.
enum class WeightKind : uint8_t {
  kInt4,         // 0 … 15, scale and minimum
  kInt4Centred,  // 0 … 15, scale; minimum -8 · scale
  kInt4Wide,     // 0 … 15, wide scale and minimum
  kInt4Halves,   // the same for each half of a group
  kInt5,         // 0 … 31, scale and minimum
  kInt5Centred,  // 0 … 31, scale; minimum -16 · scale
  kInt5Wide,     // 0 … 31, wide scale and minimum
  kInt6Halves,   // 0 … 63, wide scale for each half of a group; minimum -32 · scale
  kTable4,       // one of the 16 values of kTable4Values, scale
  kTable4Wide,   // the same, wide scale
  kInt8,         // -128 … 127, scale
  kF16,
  kBF16,
  kF32,
};
inline constexpr size_t kWeightKinds = 14;

constexpr bool is_integer(WeightKind kind) { return kind <= WeightKind::kInt8; }

// What an integer kind multiplies: scales of a group, and whether minima come into it.
constexpr size_t n_scales(WeightKind kind) {
  return kind == WeightKind::kInt4Halves || kind == WeightKind::kInt6Halves ? 2 : 1;
}
constexpr bool has_min(WeightKind kind) {
  return kind != WeightKind::kTable4 && kind != WeightKind::kTable4Wide &&
         kind != WeightKind::kInt8;
}

// The weights that the 4-bit codes of IQ4_NL and IQ4_XS stand for (ggml-common.h,
// kvalues_iq4nl): closer where weights are frequent.
inline constexpr int8_t kTable4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                             1,    13,   25,  38,  53,  69,  89,  113};

struct Format {
  TensorType type;
  WeightKind kind;
  // `n` elements (a multiple of the block size) from blocks to float, and back.
  void (*decode)(const uint8_t* blocks, size_t n, float* out);
  void (*encode)(const float* values, size_t n, uint8_t* blocks);
  // Group `i` of a row's blocks as integers, without loss; nullptr for float formats.
  void (*decode_group)(const uint8_t* blocks, size_t i, IntegerGroup& out);
  // Where a block of an integer format has its numbers in half precision; no second one: again the
  // first.
  size_t half_at[2];
};

// The first of these whole blocks whose scale or minimum is infinite or NaN, or their number.
// Kernels take such blocks for finite ones. Float formats have none.
size_t find_infinite_block(const Format& format, std::span<const uint8_t> blocks);

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
