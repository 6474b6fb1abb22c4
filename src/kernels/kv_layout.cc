// Storing and reading back keys and values, element by element.
#include "kernels/kv_layout.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "base/float16.h"
#include "base/quote.h"
#include "base/str_cat.h"

namespace pipit {
namespace {

constexpr struct {
  const char* name;
  KvType type;
} kTypes[] = {{"f32", KvType::kF32}, {"f16", KvType::kF16}, {"int8", KvType::kInt8}};

constexpr float kInt8Max = 127;
constexpr float kLargestF16 = 65504;

// Where an element of a block's row stands, counted in elements from k_offset() and v_offset().
size_t k_index(const KvLayout& layout, size_t row, size_t i) {
  if (layout.type == KvType::kInt8) {
    return (row / 4 * layout.head_dim_padded() / 4 + i / 4) * 16 + row % 4 * 4 + i % 4;
  }
  return (row / 8 * layout.head_dim_padded() + i) * 8 + row % 8;
}

size_t v_index(const KvLayout& layout, size_t row, size_t i) {
  if (layout.type == KvType::kInt8) {
    return (i / 4 * (kBlockPositions / 4) + row / 4) * 16 + i % 4 * 4 + row % 4;
  }
  return row * layout.head_dim_v_padded() + i;
}

template <typename Index>
void store_floats(uint8_t* base, const float* x, size_t n, const Index& index) {
  auto* out = reinterpret_cast<float*>(base);
  for (size_t i = 0; i < n; ++i) out[index(i)] = x[i];
}

template <typename Index>
void store_halves(uint8_t* base, const float* x, size_t n, const Index& index) {
  auto* out = reinterpret_cast<uint16_t*>(base);
  for (size_t i = 0; i < n; ++i) {
    out[index(i)] = f32_to_f16(std::clamp(x[i], -kLargestF16, kLargestF16));
  }
}

// Returns the scale.
template <typename Index>
float store_bytes(uint8_t* base, const float* x, size_t n, const Index& index) {
  auto* out = reinterpret_cast<int8_t*>(base);
  float max = 0;
  for (size_t i = 0; i < n; ++i) max = std::max(max, std::fabs(x[i]));
  const float inverse = max > 0 ? kInt8Max / max : 0.0f;
  for (size_t i = 0; i < n; ++i) {
    const float q = std::nearbyint(x[i] * inverse);
    out[index(i)] = std::fabs(q) <= kInt8Max ? static_cast<int8_t>(q) : int8_t{0};  // NaN: 0
  }
  return max / kInt8Max;
}

template <typename Index>
void load(KvType type, const uint8_t* base, float scale, size_t n, const Index& index, float* x) {
  for (size_t i = 0; i < n; ++i) {
    const size_t at = index(i);
    switch (type) {
      case KvType::kF32:
        x[i] = reinterpret_cast<const float*>(base)[at];
        break;
      case KvType::kF16:
        x[i] = f16_to_f32(reinterpret_cast<const uint16_t*>(base)[at]);
        break;
      case KvType::kInt8:
        x[i] = scale * reinterpret_cast<const int8_t*>(base)[at];
        break;
    }
  }
}

}  // namespace

Result<std::optional<KvType>> find_kv_type(std::string_view name) {
  if (name == "auto") return std::optional<KvType>();
  std::string names = "auto";
  for (const auto& entry : kTypes) {
    if (name == entry.name) return std::optional(entry.type);
    names += str_cat(", ", entry.name);
  }
  return Status(StatusCode::kInvalidArgument, str_cat("There is no KV cache of type ", quote(name),
                                                      ". Choose one of: ", names, "."));
}

const char* kv_type_name(KvType type) {
  for (const auto& entry : kTypes) {
    if (type == entry.type) return entry.name;
  }
  return "";
}

void kv_store(const KvLayout& layout, uint8_t* head, size_t row, const float* k, const float* v) {
  head += row / kBlockPositions * layout.block_bytes();
  row %= kBlockPositions;
  uint8_t* k_base = head + layout.k_offset();
  uint8_t* v_base = head + layout.v_offset();
  const auto at_k = [&](size_t i) { return k_index(layout, row, i); };
  const auto at_v = [&](size_t i) { return v_index(layout, row, i); };
  switch (layout.type) {
    case KvType::kF32:
      store_floats(k_base, k, layout.head_dim, at_k);
      store_floats(v_base, v, layout.head_dim_v, at_v);
      break;
    case KvType::kF16:
      store_halves(k_base, k, layout.head_dim, at_k);
      store_halves(v_base, v, layout.head_dim_v, at_v);
      break;
    case KvType::kInt8: {
      auto* scales = reinterpret_cast<float*>(head);
      float turned[kMaxHeadDim];
      std::memcpy(turned, k, layout.head_dim * sizeof(float));
      hadamard(turned, layout.head_dim);
      scales[row] = store_bytes(k_base, turned, layout.head_dim, at_k);
      scales[kBlockPositions + row] = store_bytes(v_base, v, layout.head_dim_v, at_v);
      break;
    }
  }
}

void kv_load(const KvLayout& layout, const uint8_t* head, size_t row, float* k, float* v) {
  head += row / kBlockPositions * layout.block_bytes();
  row %= kBlockPositions;
  const bool is_int8 = layout.type == KvType::kInt8;
  const auto* scales = reinterpret_cast<const float*>(head);
  load(
      layout.type, head + layout.k_offset(), is_int8 ? scales[row] : 1.0f, layout.head_dim,
      [&](size_t i) { return k_index(layout, row, i); }, k);
  load(
      layout.type, head + layout.v_offset(), is_int8 ? scales[kBlockPositions + row] : 1.0f,
      layout.head_dim_v, [&](size_t i) { return v_index(layout, row, i); }, v);
  if (is_int8) hadamard(k, layout.head_dim);
}

void hadamard(float* x, size_t n) {
  const size_t block = n & (~n + 1);  // the lowest bit
  for (size_t half = 1; half < block; half *= 2) {
    for (size_t first = 0; first < n; first += 2 * half) {
      for (size_t i = first; i < first + half; ++i) {
        const float a = x[i];
        const float b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
  const float norm = 1.0f / std::sqrt(static_cast<float>(block));
  for (size_t i = 0; i < n; ++i) x[i] *= norm;
}

}  // namespace pipit
