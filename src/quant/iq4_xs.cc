// IQ4_XS: 256 codes of 4 bits for the values of a table in 8 groups, with scales of 6 bits
// (block_iq4_xs in ggml-common.h).
//
//   byte   0       2                      4                          8                      136
//          | d:f16 | bits 4 … 5 of scale g: | bits 0 … 3: | 8 groups as in IQ4_NL, 16 bytes each |
//                  | bits 2g …            | bits 4g …   |
//   weight[i] = d * (scale[g] - 32) * kTable4Values[q[i]]
#include "quant/scale_search.h"
#include "quant/table4.h"

namespace pipit {
namespace {

constexpr size_t kBlockBytes = 136;
constexpr size_t kHighCodes = 2;
constexpr size_t kLowCodes = 4;
constexpr size_t kQuants = 8;
constexpr size_t kGroupBytes = kGroupSize / 2;

float scale_of(const uint8_t* block, size_t g) {
  const int low = block[kLowCodes + g / 2] >> (g % 2 * 4) & 15;
  const int high = load_u16(block + kHighCodes) >> (2 * g) & 3;
  return load_f16(block) * static_cast<float>((low | high << 4) - 32);
}

void decode(const uint8_t* blocks, size_t n, float* out) {
  decode_groups(kIQ4_XSFormat, 0, blocks, n, out);
}

// The largest of the scales becomes -32.
void encode_block(const float* values, uint8_t* block) {
  float scales[kSuperGroups];
  for (size_t g = 0; g < kSuperGroups; ++g)
    scales[g] = search_table4_scale(values + g * kGroupSize);
  const float d = farthest_from_zero(scales, kSuperGroups) / -32.0f;
  store_f16(block, d);
  for (size_t g = 0; g < kSuperGroups; ++g) {
    const int code = round_to_int(scales[g] * inverse_scale(d), -32, 31) + 32;
    uint8_t& low = block[kLowCodes + g / 2];
    low = static_cast<uint8_t>(low | (code & 15) << (g % 2 * 4));
    store_u16(block + kHighCodes,
              static_cast<uint16_t>(load_u16(block + kHighCodes) | code >> 4 << (2 * g)));
    pack_table4_codes(values + g * kGroupSize, scale_of(block, g),
                      block + kQuants + g * kGroupBytes);
  }
}

void encode(const float* values, size_t n, uint8_t* blocks) {
  encode_super_blocks<kBlockBytes>(values, n, blocks, encode_block);
}

void decode_group(const uint8_t* blocks, size_t i, IntegerGroup& out) {
  const uint8_t* block = blocks + i / kSuperGroups * kBlockBytes;
  const size_t g = i % kSuperGroups;
  set_scale(out, scale_of(block, g), 0.0f);
  unpack_table4_values(block + kQuants + g * kGroupBytes, out.q);
}

}  // namespace

const Format kIQ4_XSFormat = {
    TensorType::kIQ4_XS, WeightKind::kTable4Wide, decode, encode, decode_group, {0, 0}};

}  // namespace pipit
