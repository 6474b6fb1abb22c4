// What the formats' own files share: reading and writing the 16-bit fields of a block, and their
// entries of the table.
#pragma once

#include <cmath>
#include <cstring>

#include "base/float16.h"
#include "quant/format.h"

namespace pipit {

extern const Format kF32Format;
extern const Format kF16Format;
extern const Format kQ4_0Format;
extern const Format kQ4_1Format;
extern const Format kQ5_0Format;
extern const Format kQ5_1Format;
extern const Format kQ8_0Format;
extern const Format kQ2_KFormat;
extern const Format kQ3_KFormat;
extern const Format kQ4_KFormat;
extern const Format kQ5_KFormat;
extern const Format kQ6_KFormat;
extern const Format kIQ4_NLFormat;
extern const Format kIQ4_XSFormat;
extern const Format kBF16Format;

// Elements of a block of the K formats and IQ4_XS, its groups and their halves.
inline constexpr size_t kSuperBlock = 256;
inline constexpr size_t kSuperGroups = kSuperBlock / kGroupSize;
inline constexpr size_t kSuperHalves = kSuperBlock / kHalfGroup;

// Blocks may begin at any address, so fields are copied out and in.
inline uint16_t load_u16(const uint8_t* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

inline void store_u16(uint8_t* bytes, uint16_t bits) { std::memcpy(bytes, &bits, sizeof(bits)); }

inline uint32_t load_u32(const void* bytes) {
  uint32_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

inline void store_u32(void* bytes, uint32_t bits) { std::memcpy(bytes, &bits, sizeof(bits)); }

inline float load_f16(const uint8_t* bytes) { return f16_to_f32(load_u16(bytes)); }

inline void store_f16(uint8_t* bytes, float value) { store_u16(bytes, f32_to_f16(value)); }

// `value` cut to an integer of lowest … highest; NaN gives lowest, so that no input is undefined
// behaviour.
inline int clamp_to_int(float value, int lowest, int highest) {
  if (!(value > static_cast<float>(lowest))) return lowest;
  return value < static_cast<float>(highest) ? static_cast<int>(value) : highest;
}

// 1 / scale as ggml has it: a block of zeros has scale 0 and all its quants are 0 too.
inline float inverse_scale(float scale) { return scale == 0.0f ? 0.0f : 1.0f / scale; }

// The value with the largest magnitude, the first of several; 0 if there is none above 0.
inline float farthest_from_zero(const float* values, size_t n) {
  float farthest = 0.0f;
  float distance = 0.0f;  // |farthest|; LLVM 19 at -O3 drops the fabs of fabs(farthest)
  for (size_t i = 0; i < n; ++i) {
    if (std::fabs(values[i]) > distance) {
      farthest = values[i];
      distance = std::fabs(values[i]);
    }
  }
  return farthest;
}

struct Range {
  float lowest, highest;
};
inline Range range_of(const float* values, size_t n) {
  Range range = {values[0], values[0]};
  for (size_t i = 1; i < n; ++i) {
    if (values[i] < range.lowest) range.lowest = values[i];
    if (values[i] > range.highest) range.highest = values[i];
  }
  return range;
}

struct ScaleAndMin {
  float scale, min;
};

// 32 values to q = 0 … q_max with value ≈ scale · q + min.
inline ScaleAndMin quantise_range(const float* values, int q_max, int8_t* q) {
  const auto [lowest, highest] = range_of(values, kGroupSize);
  const float d = (highest - lowest) / static_cast<float>(q_max);
  const float inverse = inverse_scale(d);
  for (size_t i = 0; i < kGroupSize; ++i) {
    q[i] = static_cast<int8_t>(clamp_to_int((values[i] - lowest) * inverse + 0.5f, 0, q_max));
  }
  return {d, lowest};
}

// 32 values to q = 0 … 2 · zero - 1 with value ≈ scale · (q - zero); returns the scale. The value
// farthest from zero gets q = 0, so the scale's sign is the opposite of its own.
inline float quantise_around(int zero, const float* values, int8_t* q) {
  const float d = farthest_from_zero(values, kGroupSize) / static_cast<float>(-zero);
  const float inverse = inverse_scale(d);
  for (size_t i = 0; i < kGroupSize; ++i) {
    // In double the product is exact: the same result with and without fused multiply-add.
    const double rounded = double{values[i]} * double{inverse} + (zero + 0.5);
    q[i] = static_cast<int8_t>(clamp_to_int(static_cast<float>(rounded), 0, 2 * zero - 1));
  }
  return d;
}

// Values [n] to blocks of 256, each of kBytes bytes, by encode_block(values, block), whose block is
// zeroed.
template <size_t kBytes, typename EncodeBlock>
void encode_super_blocks(const float* values, size_t n, uint8_t* blocks,
                         const EncodeBlock& encode_block) {
  for (; n > 0; n -= kSuperBlock, values += kSuperBlock, blocks += kBytes) {
    std::memset(blocks, 0, kBytes);
    encode_block(values, blocks);
  }
}

// 32 nibbles in 16 bytes: byte j holds element j in its low half and element j + 16 in its high
// half. Four at a time, as whoever packs them reads them: a load of four bytes that were stored one
// by one waits for all of them (loading took 4 to 5 % longer).
inline void unpack_nibbles(const uint8_t* packed, int8_t* q) {
  constexpr uint32_t kLow = 0x0f0f0f0f;
  for (size_t j = 0; j < kGroupSize / 2; j += 4) {
    const uint32_t word = load_u32(packed + j);
    store_u32(q + j, word & kLow);
    store_u32(q + j + kGroupSize / 2, word >> 4 & kLow);
  }
}

// Bit j of the word that begins at `bytes` becomes bit 4 of q[j].
inline void add_fifth_bits(const uint8_t* bytes, int8_t* q) {
  constexpr uint32_t kSpread = 0x00204081;  // bit i of a nibble to bit 0 of byte i, among others
  const uint32_t bits = load_u32(bytes);
  for (size_t j = 0; j < kGroupSize; j += 4) {
    const uint32_t fifths = (bits >> j & 15) * kSpread & 0x01010101;
    store_u32(q + j, load_u32(q + j) | fifths << 4);
  }
}

inline void pack_fifth_bits(const int8_t* q, uint8_t* bytes) {
  std::memset(bytes, 0, kGroupSize / 8);
  for (size_t j = 0; j < kGroupSize; ++j) {
    bytes[j / 8] = static_cast<uint8_t>(bytes[j / 8] | (q[j] >> 4 & 1) << (j % 8));
  }
}

// Group g of bytes that hold `kBits` bits of each element, 32 elements apart in each byte:
// 32 bytes hold the groups 0 … 8 / kBits - 1, the next ones 32 bytes those that follow.
template <int kBits>
uint8_t planar_bits(const uint8_t* bytes, size_t g, size_t j) {
  constexpr size_t kGroups = 8 / kBits;
  return bytes[g / kGroups * kGroupSize + j] >> (g % kGroups * kBits) & ((1 << kBits) - 1);
}

// Sets those bits, which are zero.
template <int kBits>
void put_planar_bits(int value, size_t g, size_t j, uint8_t* bytes) {
  constexpr size_t kGroups = 8 / kBits;
  uint8_t& byte = bytes[g / kGroups * kGroupSize + j];
  byte = static_cast<uint8_t>(byte | value << (g % kGroups * kBits));
}

inline void set_scale(IntegerGroup& group, float scale, float min) {
  group.scale[0] = group.scale[1] = scale;
  group.min[0] = group.min[1] = min;
}

// The elements [n] by their groups. `zero` is the q of the weight 0 in formats around zero, whose
// infinite scales then give infinities; 0 in the others.
inline void decode_groups(const Format& format, int zero, const uint8_t* blocks, size_t n,
                          float* out) {
  for (size_t g = 0; g < n / kGroupSize; ++g, out += kGroupSize) {
    IntegerGroup group;
    format.decode_group(blocks, g, group);
    for (size_t i = 0; i < kGroupSize; ++i) {
      const float scaled = group.scale[i / kHalfGroup] * static_cast<float>(group.q[i] - zero);
      out[i] = zero != 0 || !has_min(format.kind) ? scaled : scaled + group.min[i / kHalfGroup];
    }
  }
}

inline void pack_nibbles(const int8_t* q, uint8_t* packed) {
  for (size_t j = 0; j < kGroupSize / 2; ++j) {
    packed[j] = static_cast<uint8_t>((q[j] & 15) | (q[j + kGroupSize / 2] << 4));
  }
}

}  // namespace pipit
