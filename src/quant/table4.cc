// Codes of kTable4Values.
#include "quant/table4.h"

#include "quant/scale_search.h"

namespace pipit {
namespace {

// The code of the value that is nearest.
int nearest_code(float value) {
  int code = 0;
  while (code < 15 && value > static_cast<float>(kTable4Values[code] + kTable4Values[code + 1]) / 2)
    ++code;
  return code;
}

}  // namespace

float search_table4_scale(const float* values) {
  return search_scale(values, kGroupSize, float{kTable4Values[0]}, 1.0f, 7,
                      [](float x) { return kTable4Values[nearest_code(x)]; });
}

void pack_table4_codes(const float* values, float scale, uint8_t* packed) {
  const float inverse = inverse_scale(scale);
  int8_t codes[kGroupSize];
  for (size_t i = 0; i < kGroupSize; ++i) {
    codes[i] = static_cast<int8_t>(nearest_code(values[i] * inverse));
  }
  pack_nibbles(codes, packed);
}

void unpack_table4_values(const uint8_t* packed, int8_t* q) {
  unpack_nibbles(packed, q);
  for (size_t i = 0; i < kGroupSize; ++i) q[i] = kTable4Values[q[i]];
}

}  // namespace pipit
