// Constants of hot loops, alone: where a kernel is compiled, their values must not be known.
#include "kernels/panels/float_elements.h"
#include "kernels/panels/panel_loop.h"
#include "kernels/panels/units.h"

namespace pipit::panels {

alignas(16) const uint8_t kNibbleMask8[16] = {15, 15, 15, 15, 15, 15, 15, 15,
                                              15, 15, 15, 15, 15, 15, 15, 15};
alignas(16) const uint8_t kFifthBit8[16] = {16, 16, 16, 16, 16, 16, 16, 16,
                                            16, 16, 16, 16, 16, 16, 16, 16};
alignas(16) const uint8_t kHighBits8[16] = {48, 48, 48, 48, 48, 48, 48, 48,
                                            48, 48, 48, 48, 48, 48, 48, 48};
alignas(16) const uint16_t kByteMask16[8] = {255, 255, 255, 255, 255, 255, 255, 255};
alignas(16) const int16_t k128In16[8] = {128, 128, 128, 128, 128, 128, 128, 128};

alignas(16) const HalfConstants kHalfConstants = {
    .magnitude = {0x7fff, 0x7fff, 0x7fff, 0x7fff},
    .rebias = {0x1p112f, 0x1p112f, 0x1p112f, 0x1p112f},
    .largest_finite = {0x7bff, 0x7bff, 0x7bff, 0x7bff},
    .infinite = {0x7f800000, 0x7f800000, 0x7f800000, 0x7f800000},
    .shifted = {0x8fffe000, 0x8fffe000, 0x8fffe000, 0x8fffe000},
};

}  // namespace pipit::panels
