// What Q4_K and Q5_K share: a scale and an offset of 6 bits for each of 8 groups, in 12 bytes.
//
//   bytes 0 … 3     scale[g] | high bits of scale[g + 4] << 6     g = 0 … 3
//   bytes 4 … 7     offset[g] | high bits of offset[g + 4] << 6
//   bytes 8 … 11    low 4 bits of scale[g + 4], of offset[g + 4]
//
//   byte   0       2          4               16
//          | d:f16 | dmin:f16 | these 12 bytes | quants …
//   weight[i] = d * scale[g] * q[i] - dmin * offset[g]
#pragma once

#include "quant/block_format.h"
#include "quant/scale_search.h"

namespace pipit {

inline constexpr size_t kKHeaderBytes = 16;

// Sets the group's scale and minimum.
void load_k_scale(const uint8_t* block, size_t g, IntegerGroup& out);

// Chooses the scales of 256 values, writes the header of the zeroed block and the
// quants 0 … q_max of each group.
void encode_k_block(const float* values, int q_max, ScaleCandidates candidates, uint8_t* block,
                    int8_t (&q)[kSuperGroups][kGroupSize]);

}  // namespace pipit
