// Q5_K: 256 weights of 5 bits in 8 groups with scales and offsets of 6 bits (block_q5_K in
// ggml-common.h; k_scales.h has the header).
//
//   byte   0              16                          48                                   176
//          | header of 16 | 32 · bits 4 of q[0 … 7][j] | 32 · (low bits of q[g], q[g + 1]) … |
#include "quant/k_scales.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 176;
constexpr size_t kHigh = kKHeaderBytes;
constexpr size_t kLow = kHigh + 32;

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kQ5_KFormat, 0, blocks, n, out);
}

void encode_block(const float* values, uint8_t* block) {
  int8_t q[kSuperGroups][kGroupSize];
  encode_k_block(values, 31, {.first = -0.5f, .step = 0.1f, .n = 16}, block, q);
  for (size_t g = 0; g < kSuperGroups; ++g) {
    for (size_t j = 0; j < kGroupSize; ++j) {
      put_planar_bits<1>(q[g][j] >> 4, g, j, block + kHigh);
      put_planar_bits<4>(q[g][j] & 15, g, j, block + kLow);
    }
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  encode_super_blocks<kBlockBytes>(values, n, blocks, encode_block);
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i / kSuperGroups * kBlockBytes;
  const size_t g = i % kSuperGroups;
  load_k_scale(block, g, out);
  for (size_t j = 0; j < kGroupSize; ++j) {
    out.q[j] = static_cast<int8_t>(planar_bits<4>(block + kLow, g, j) |
                                   planar_bits<1>(block + kHigh, g, j) << 4);
  }
}

}  // namespace

const Format kQ5_KFormat = {
    TensorType::kQ5_K, WeightKind::kInt5Wide, decode, encode, decode_group, {0, 2}};

}  // namespace pipit
