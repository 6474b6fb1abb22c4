// Q6_K: 256 weights of 6 bits around zero, with a scale of 8 bits for each 16 (block_q6_K in
// ggml-common.h).
//
//   byte   0                         128                        192               208     210
//          | low 4 bits: 2 · 64 bytes | high 2 bits: 2 · 32 bytes | scale[16]:i8 | d:f16 |
//   weight[i] = d * scale[i / 16] * (q[i] - 32)
//
// A byte of the first part holds elements that are 64 apart, one of the second the four that are 32
// apart.
#include "quant/scale_search.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 210;
constexpr size_t kHigh = 128;
constexpr size_t kScales = 192;
constexpr size_t kD = 208;
constexpr int kZero = 32;

// Where the low bits of group g begin, and in which half of the bytes they are.
size_t low_byte(size_t g) { return g / 4 * 64 + g % 2 * 32; }
int low_shift(size_t g) { return g % 4 / 2 * 4; }

float scale_of(const uint8_t* block, size_t h) {
  return load_f16(block + kD) * static_cast<float>(static_cast<int8_t>(block[kScales + h]));
}

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kQ6_KFormat, kZero, blocks, n, out);
}

// The largest of the scales becomes -128.
void encode_block(const float* values, uint8_t* block) {
  float scales[kSuperHalves];
  search_half_scales(values, -32, scales);
  const float d = farthest_from_zero(scales, kSuperHalves) / -128.0f;
  store_f16(block + kD, d);
  for (size_t h = 0; h < kSuperHalves; ++h) {
    const int code = round_to_int(scales[h] * inverse_scale(d), -128, 127);
    block[kScales + h] = static_cast<uint8_t>(code);
  }
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const float inverse = inverse_scale(scale_of(block, i / kHalfGroup));
    const int q = round_to_int(values[i] * inverse, -32, 31) + kZero;
    const size_t g = i / kGroupSize;
    const size_t j = i % kGroupSize;
    uint8_t& low = block[low_byte(g) + j];
    low = static_cast<uint8_t>(low | (q & 15) << low_shift(g));
    put_planar_bits<2>(q >> 4, g, j, block + kHigh);
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  encode_super_blocks<kBlockBytes>(values, n, blocks, encode_block);
}

// A scale has 18 significant bits, so its products with 0 … 63 are exact.
void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i / kSuperGroups * kBlockBytes;
  const size_t g = i % kSuperGroups;
  for (size_t h = 0; h < 2; ++h) {
    out.scale[h] = scale_of(block, 2 * g + h);
    out.min[h] = -32.0f * out.scale[h];
  }
  for (size_t j = 0; j < kGroupSize; ++j) {
    const int low = block[low_byte(g) + j] >> low_shift(g) & 15;
    out.q[j] = static_cast<int8_t>(low | planar_bits<2>(block + kHigh, g, j) << 4);
  }
}

}  // namespace

const Format kQ6_KFormat = {
    TensorType::kQ6_K, WeightKind::kInt6Halves, decode, encode, decode_group, {kD, kD}};

}  // namespace pipit
