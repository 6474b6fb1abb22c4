// Small vector helpers that the simd128 kernels share.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>

namespace pipit::simd128 {

inline v128_t load(const void* p) { return wasm_v128_load(p); }
inline void store(void* p, v128_t v) { wasm_v128_store(p, v); }

// acc + a · b, rounded twice: fused only in relaxed SIMD, where results differ from machine to
// machine.
inline v128_t multiply_add(v128_t a, v128_t b, v128_t acc) {
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), acc);
}

inline float sum_lanes(v128_t v) {
  const v128_t pairs = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(pairs, 0) + wasm_f32x4_extract_lane(pairs, 1);
}

inline int32_t sum_int_lanes(v128_t v) {
  return wasm_i32x4_extract_lane(v, 0) + wasm_i32x4_extract_lane(v, 1) +
         wasm_i32x4_extract_lane(v, 2) + wasm_i32x4_extract_lane(v, 3);
}

// The largest lane; none is NaN.
inline float max_lane(v128_t v) {
  v = wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  v = wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(v, 0);
}

// A vector of a number that the compiler does not know: V8 builds a constant anew wherever it is
// used, in several instructions, but keeps a variable in a register.
inline v128_t opaque_splat(float value) {
  volatile float unknown = value;
  return wasm_f32x4_splat(unknown);
}

// In a float of this size the last bit is a one: x + kRoundingShift is rounded to an integer, which
// stands in its low bits.
inline constexpr float kRoundingShift = 12582912.0f;

// e^x with a relative error below 2^-23 over [-87, 88] (measured at steps of 1e-4); beyond, the
// value at the bound. Range reduction by powers of two and the Cephes library's degree-5 polynomial
// for e^r, |r| ≤ ln 2 / 2. Make one outside of a loop.
class Exp {
 public:
  v128_t operator()(v128_t x) const {
    x = wasm_f32x4_pmin(wasm_f32x4_pmax(x, least_), greatest_);
    const v128_t shifted = multiply_add(x, log2_e_, shift_);  // n + 127
    const v128_t n = wasm_f32x4_sub(shifted, shift_);
    v128_t r = multiply_add(n, ln2_high_, x);
    r = multiply_add(n, ln2_low_, r);
    v128_t p = multiply_add(p5_, r, p4_);
    p = multiply_add(p, r, p3_);
    p = multiply_add(p, r, p2_);
    p = multiply_add(p, r, p1_);
    p = multiply_add(p, r, p0_);
    p = multiply_add(p, wasm_f32x4_mul(r, r), wasm_f32x4_add(r, one_));
    return wasm_f32x4_mul(p, wasm_i32x4_shl(shifted, 23));
  }

 private:
  v128_t least_ = opaque_splat(-87.0f);
  v128_t greatest_ = opaque_splat(88.0f);
  v128_t log2_e_ = opaque_splat(1.44269504f);
  v128_t shift_ = opaque_splat(kRoundingShift + 127.0f);
  v128_t ln2_high_ = opaque_splat(-0.693359375f);
  v128_t ln2_low_ = opaque_splat(2.12194440e-4f);
  v128_t p5_ = opaque_splat(1.9875691500e-4f);
  v128_t p4_ = opaque_splat(1.3981999507e-3f);
  v128_t p3_ = opaque_splat(8.3334519073e-3f);
  v128_t p2_ = opaque_splat(4.1665795894e-2f);
  v128_t p1_ = opaque_splat(1.6666665459e-1f);
  v128_t p0_ = opaque_splat(5.0000001201e-1f);
  v128_t one_ = opaque_splat(1.0f);
};

// tanh(x) with an absolute error below 2^-22. Make one outside of a loop.
class Tanh {
 public:
  v128_t operator()(v128_t x) const {
    const v128_t e = exp_(wasm_f32x4_add(x, x));
    return wasm_f32x4_sub(one_, wasm_f32x4_div(two_, wasm_f32x4_add(e, one_)));
  }

 private:
  Exp exp_;
  v128_t one_ = opaque_splat(1.0f);
  v128_t two_ = opaque_splat(2.0f);
};

}  // namespace pipit::simd128
