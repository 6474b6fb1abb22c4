// Q4_K: 256 weights of 4 bits in 8 groups with scales and offsets of 6 bits (block_q4_K in
// ggml-common.h; k_scales.h has the header).
//
//   byte   0                16                                                     144
//          | header of 16   | groups g, g + 1: 32 · (q[g][j] | q[g + 1][j] << 4) … |
#include "quant/k_scales.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 144;

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kQ4_KFormat, 0, blocks, n, out);
}

void encode_block(const float* values, uint8_t* block) {
  int8_t q[kSuperGroups][kGroupSize];
  encode_k_block(values, 15, {.first = -1.0f, .step = 0.1f, .n = 21}, block, q);
  for (size_t g = 0; g < kSuperGroups; ++g) {
    for (size_t j = 0; j < kGroupSize; ++j) {
      put_planar_bits<4>(q[g][j], g, j, block + kKHeaderBytes);
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
    out.q[j] = static_cast<int8_t>(planar_bits<4>(block + kKHeaderBytes, g, j));
  }
}

}  // namespace

const Format kQ4_KFormat = {
    TensorType::kQ4_K, WeightKind::kInt4Wide, decode, encode, decode_group, {0, 2}};

}  // namespace pipit
