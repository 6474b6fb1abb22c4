// The masks alone: where a kernel is compiled, their values must not be known.
#include "kernels/panels/panel_loop.h"

namespace pipit::panels {

alignas(16) const uint8_t kNibbleMask8[16] = {15, 15, 15, 15, 15, 15, 15, 15,
                                              15, 15, 15, 15, 15, 15, 15, 15};
alignas(16) const uint16_t kNibbleMask16[8] = {15, 15, 15, 15, 15, 15, 15, 15};

}  // namespace pipit::panels
