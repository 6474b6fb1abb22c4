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
extern const Format kQ8_0Format;
extern const Format kBF16Format;

// Blocks may begin at any address, so fields are copied out and in.
inline uint16_t load_u16(const uint8_t* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

inline void store_u16(uint8_t* bytes, uint16_t bits) { std::memcpy(bytes, &bits, sizeof(bits)); }

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

// 32 nibbles in 16 bytes: byte j holds element j in its low half and element j + 16 in its high
// half.
inline void unpack_nibbles(const uint8_t* packed, int8_t* q) {
  for (size_t j = 0; j < kGroupSize / 2; ++j) {
    q[j] = static_cast<int8_t>(packed[j] & 0x0f);
    q[j + kGroupSize / 2] = static_cast<int8_t>(packed[j] >> 4);
  }
}

inline void pack_nibbles(const int8_t* q, uint8_t* packed) {
  for (size_t j = 0; j < kGroupSize / 2; ++j) {
    packed[j] = static_cast<uint8_t>(q[j] | (q[j + kGroupSize / 2] << 4));
  }
}

}  // namespace pipit
