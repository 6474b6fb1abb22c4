// The two forms of the relaxed dot product of bytes.
#pragma once

#include <wasm_simd128.h>

#include <cstdint>

#include "kernels/panels/panel_loop.h"

namespace pipit::relaxed {

// Σ over 4 neighbouring bytes of a (int8) · b (0 … 127), one 32-bit lane each, added up over
// several calls. Only 7 bits of b may be used: then the products are exact on every machine.
//
// 16-bit sums, of two neighbouring products each: the caller sees to it that they stay within
// ±32767. LLVM would add in an order of its own, a tree, whose leaves V8 keeps on the stack; sums
// that are used twice it leaves alone, and the assumption, true anyway, is such a use. (Saturating
// sums are left alone, too, but share two ports with the products on Zen 4: prefill was 10 %
// slower.)
struct DotI16 {
  static constexpr int kMaxSum = INT16_MAX;
  static v128_t add(v128_t a, v128_t b, v128_t sum) {
    const v128_t next = wasm_i16x8_add(sum, wasm_i16x8_relaxed_dot_i8x16_i7x16(a, b));
    const int16_t lane = wasm_i16x8_extract_lane(next, 0);
    __builtin_assume(lane > INT16_MIN);
    return next;
  }
  static v128_t total(v128_t sum) { return wasm_i32x4_extadd_pairwise_i16x8(sum); }
  static v128_t total_times_128(v128_t sum) {
    return wasm_i32x4_dot_i16x8(sum, wasm_v128_load(panels::k128In16));
  }
};

struct DotI32 {
  static constexpr int kMaxSum = INT32_MAX;
  static v128_t add(v128_t a, v128_t b, v128_t sum) {
    return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(a, b, sum);
  }
  static v128_t total(v128_t sum) { return sum; }
  static v128_t total_times_128(v128_t sum) { return wasm_i32x4_shl(sum, 7); }

  // Beyond 7 bits of b the machines differ. Where the engine makes it of the 16-bit form, sums of
  // two saturate, 2 · 32,767 in a lane (x86 without AVX-VNNI: vpmaddubsw, vpmaddwd); it cannot be
  // faster then. 4 · 127 · 255 is one instruction of AVX-VNNI: prefill is 1.13 to 1.17 times as
  // fast as in the 16-bit form, decoding as fast (SmolLM2-135M and Gemma 3 270M, Intel Xeon). Where
  // b is taken for signed it may be one of ARM (SDOT), or several.
  static Speed speed() {
    const volatile int8_t all_bits = -1;  // volatile: Binaryen crashes when it computes this itself
    const v128_t b = wasm_i8x16_splat(all_bits);
    const v128_t sums = add(wasm_i8x16_const_splat(127), b, wasm_i32x4_const_splat(0));
    switch (wasm_i32x4_extract_lane(sums, 0)) {
      case 2 * 32767:
        return Speed::kSlow;
      case 4 * 127 * 255:
        return Speed::kFast;
      default:
        return Speed::kUnknown;
    }
  }
};

}  // namespace pipit::relaxed
