// Q2_K: 256 weights of 2 bits, with a scale and an offset of 4 bits for each 16 (block_q2_K in
// ggml-common.h).
//
//   byte   0                          16                             80      82         84
//          | 16 · (scale | offset << 4) | 2 · 32 bytes of 4 elements | d:f16 | dmin:f16 |
//   weight[i] = d * scale[i / 16] * q[i] - dmin * offset[i / 16]
#include <algorithm>

#include "quant/scale_search.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 84;
constexpr size_t kQuants = 16;
constexpr size_t kD = 80;
constexpr size_t kDmin = 82;

float scale_of(const uint8_t* block, size_t h) {
  return load_f16(block + kD) * static_cast<float>(block[h] & 15);
}
float min_of(const uint8_t* block, size_t h) {
  return -(load_f16(block + kDmin) * static_cast<float>(block[h] >> 4));
}

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kQ2_KFormat, 0, blocks, n, out);
}

void encode_block(const float* values, uint8_t* block) {
  OffsetScale lines[kSuperHalves];
  float max_scale = 0;
  float max_offset = 0;
  for (size_t h = 0; h < kSuperHalves; ++h) {
    const float* x = values + h * kHalfGroup;
    float weight[kHalfGroup];
    for (size_t i = 0; i < kHalfGroup; ++i) weight[i] = std::fabs(x[i]);
    lines[h] = search_offset_scale(x, weight, kHalfGroup, 3, {-0.5f, 0.1f, 16});
    max_scale = std::max(max_scale, lines[h].scale);
    max_offset = std::max(max_offset, lines[h].offset);
  }
  const float d = max_scale / 15;
  const float dmin = max_offset / 15;
  store_f16(block + kD, d);
  store_f16(block + kDmin, dmin);
  for (size_t h = 0; h < kSuperHalves; ++h) {
    block[h] =
        static_cast<uint8_t>(round_to_int(lines[h].scale * inverse_scale(d), 0, 15) |
                             round_to_int(lines[h].offset * inverse_scale(dmin), 0, 15) << 4);
  }
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const size_t h = i / kHalfGroup;
    const float x = values[i] - min_of(block, h);
    put_planar_bits<2>(round_to_int(x * inverse_scale(scale_of(block, h)), 0, 3), i / kGroupSize,
                       i % kGroupSize, block + kQuants);
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  encode_super_blocks<kBlockBytes>(values, n, blocks, encode_block);
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i / kSuperGroups * kBlockBytes;
  const size_t g = i % kSuperGroups;
  for (size_t h = 0; h < 2; ++h) {
    out.scale[h] = scale_of(block, 2 * g + h);
    out.min[h] = min_of(block, 2 * g + h);
  }
  for (size_t j = 0; j < kGroupSize; ++j) {
    out.q[j] = static_cast<int8_t>(planar_bits<2>(block + kQuants, g, j));
  }
}

}  // namespace

const Format kQ2_KFormat = {
    TensorType::kQ2_K, WeightKind::kInt4Halves, decode, encode, decode_group, {kD, kDmin}};

}  // namespace pipit
