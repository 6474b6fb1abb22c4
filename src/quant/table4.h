// What IQ4_NL and IQ4_XS share: codes of 4 bits for the values of a table.
#pragma once

#include "quant/block_format.h"

namespace pipit {

// The best scale of 32 values.
float search_table4_scale(const float* values);

// 32 values by a scale that is chosen, as nibbles.
void pack_table4_codes(const float* values, float scale, uint8_t* packed);

// Nibbles to 32 values of the table.
void unpack_table4_values(const uint8_t* packed, int8_t* q);

}  // namespace pipit
