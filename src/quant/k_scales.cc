// The 6-bit scales of Q4_K and Q5_K.
#include "quant/k_scales.h"

#include <algorithm>

namespace pipit {
namespace {

constexpr int kMaxCode = 63;

struct Codes {
  int scale, offset;  // 0 … 63
};

Codes load_codes(const uint8_t* codes, size_t g) {
  const size_t i = g % 4;
  if (g < 4) return {codes[i] & 63, codes[4 + i] & 63};
  return {(codes[8 + i] & 15) | codes[i] >> 6 << 4, codes[8 + i] >> 4 | codes[4 + i] >> 6 << 4};
}

// Into bytes that are zero where no lower group has been stored.
void store_codes(Codes c, size_t g, uint8_t* codes) {
  const auto add = [](uint8_t& byte, int bits) { byte = static_cast<uint8_t>(byte | bits); };
  const size_t i = g % 4;
  if (g < 4) {
    add(codes[i], c.scale);
    add(codes[4 + i], c.offset);
  } else {
    add(codes[i], c.scale >> 4 << 6);
    add(codes[4 + i], c.offset >> 4 << 6);
    add(codes[8 + i], (c.scale & 15) | (c.offset & 15) << 4);
  }
}

}  // namespace

void load_k_scale(const uint8_t* block, size_t g, IntegerGroup& out) {
  const Codes codes = load_codes(block + 4, g);
  set_scale(out, load_f16(block) * static_cast<float>(codes.scale),
            -(load_f16(block + 2) * static_cast<float>(codes.offset)));
}

// Large values count more, and all count something (ggml has the same weights).
void encode_k_block(const float* values, int q_max, ScaleCandidates candidates, uint8_t* block,
                    int8_t (&q)[kSuperGroups][kGroupSize]) {
  OffsetScale lines[kSuperGroups];
  float max_scale = 0;
  float max_offset = 0;
  for (size_t g = 0; g < kSuperGroups; ++g) {
    const float* x = values + g * kGroupSize;
    float sum = 0;
    for (size_t i = 0; i < kGroupSize; ++i) sum += x[i] * x[i];
    const float typical = std::sqrt(sum / float{kGroupSize});
    float weight[kGroupSize];
    for (size_t i = 0; i < kGroupSize; ++i) weight[i] = typical + std::fabs(x[i]);
    lines[g] = search_offset_scale(x, weight, kGroupSize, q_max, candidates);
    max_scale = std::max(max_scale, lines[g].scale);
    max_offset = std::max(max_offset, lines[g].offset);
  }
  const float d = max_scale / kMaxCode;
  const float dmin = max_offset / kMaxCode;
  store_f16(block, d);
  store_f16(block + 2, dmin);
  for (size_t g = 0; g < kSuperGroups; ++g) {
    store_codes({round_to_int(lines[g].scale * inverse_scale(d), 0, kMaxCode),
                 round_to_int(lines[g].offset * inverse_scale(dmin), 0, kMaxCode)},
                g, block + 4);
    IntegerGroup group;
    load_k_scale(block, g, group);
    const float inverse = inverse_scale(group.scale[0]);
    for (size_t i = 0; i < kGroupSize; ++i) {
      const float x = values[g * kGroupSize + i] - group.min[0];
      q[g][i] = static_cast<int8_t>(round_to_int(x * inverse, 0, q_max));
    }
  }
}

}  // namespace pipit
