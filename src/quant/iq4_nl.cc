// IQ4_NL: 32 codes of 4 bits for the values of a table, with one scale (block_iq4_nl in
// ggml-common.h).
//
//   byte   0       2                                 18
//          | d:f16 | q[0]|q[16]<<4 … q[15]|q[31]<<4 |        weight[i] = d * kTable4Values[q[i]]
#include "quant/table4.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 18;

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kIQ4_NLFormat, 0, blocks, n, out);
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  for (; n > 0; n -= kGroupSize, values += kGroupSize, blocks += kBlockBytes) {
    const float d = search_table4_scale(values);
    store_f16(blocks, d);
    pack_table4_codes(values, load_f16(blocks), blocks + 2);
  }
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i * kBlockBytes;
  set_scale(out, load_f16(block), 0.0f);
  unpack_table4_values(block + 2, out.q);
}

}  // namespace

const Format kIQ4_NLFormat = {
    TensorType::kIQ4_NL, WeightKind::kTable4, decode, encode, decode_group, {0, 0}};

}  // namespace pipit
