// The plain Wasm SIMD128 kernel set: deterministic, the same bits in every browser, and exact
// against `reference` in its matrix products.
#pragma once

#include "kernels/kernel_set.h"
#include "kernels/panels/panel_loop.h"

namespace pipit {

extern const KernelSet kSimd128;

// What other vector sets share; as in KernelSet.
namespace simd128 {

// int16 activations, in a buffer of quantised_bytes().
uint64_t quantised_bytes(size_t n_tokens, size_t n_cols);
void quantise_tile(const Activations& activations, size_t tile, uint8_t* out);
void read_activations(const Activations& activations, const uint8_t* quantised, size_t token,
                      IntegerActivations& out);

// The product of weights of any kind with int16 or float activations.
void multiply(const panels::Part& part, const uint8_t* quantised);

// As KernelSet::upper_bounds.
void upper_bounds(const panels::Part& part, const uint8_t* quantised, const float* energy,
                  float* largest);

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out);
void layer_norm(const float* x, const float* weight, const float* bias, size_t n, float eps,
                float* out);
void rope(float* x, size_t n_heads, size_t head_dim, size_t n_rot, RopePairs pairs,
          const float* cos, const float* sin);
void swiglu(float* gate, const float* up, size_t n);
void geglu(float* gate, const float* up, size_t n);
void softcap(float* x, size_t n, float cap);
void add(float* x, const float* y, size_t n);
void attention(const AttentionArgs& args);

// What all vector sets have in common: the panels and everything but the products. The caller fills
// in the rest.
constexpr KernelSet vector_kernels(const char* name) {
  KernelSet set = {};
  set.name = name;
  set.packed_bytes = panels::packed_bytes;
  set.pack_rows = panels::pack_rows;
  set.unpack_row = panels::unpack_row;
  set.rms_norm = rms_norm;
  set.layer_norm = layer_norm;
  set.rope = rope;
  set.swiglu = swiglu;
  set.geglu = geglu;
  set.softcap = softcap;
  set.add = add;
  set.attention = attention;
  return set;
}

}  // namespace simd128
}  // namespace pipit
