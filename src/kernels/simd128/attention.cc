// Attention of the simd128 set: float products (float_products.h) for F32 and F16, integer products
// (int8_products.h) for int8.
#include "kernels/simd128/float_products.h"
#include "kernels/simd128/int8_products.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vec.h"

namespace pipit::simd128 {

void attention(const AttentionArgs& a) {
  switch (a.kv.layout.type) {
    case KvType::kF32:
      return attend_tile<FloatProducts<float, LoadFloats, MultiplyAdd>>(a);
    case KvType::kF16:
      return attend_tile<FloatProducts<uint16_t, LoadHalves, MultiplyAdd>>(a);
    case KvType::kInt8:
      return attend_tile<Int8Products>(a);
  }
}

}  // namespace pipit::simd128
