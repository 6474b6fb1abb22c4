// How keys and values lie in a page of the KV cache: one layout a KvType, the same for every kernel
// set, so that lanes are positions for the scores and elements for the values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pipit/status.h"

namespace pipit {

// Positions whose keys and values lie together, which attention takes at a time.
inline constexpr size_t kBlockPositions = 64;

// Positions a page. A head's blocks follow one another in it, and a page of several reads faster:
// attention loads ahead, and where a page ends there is a jump to memory that no hardware
// prefetcher foresees.
inline constexpr size_t kPagePositions = 8 * kBlockPositions;

// The widest head that attention's scratch on the stack has room for.
inline constexpr uint32_t kMaxHeadDim = 512;

// How the elements of keys and values are stored.
enum class KvType : uint8_t {
  kF32,
  kF16,
  // 8 bits with a scale for every position and head. Keys are turned by a Hadamard matrix first,
  // which spreads their few large elements over all; queries are turned likewise, and q·k stays.
  kInt8,
};

// The type of that name; "auto" is none. Errors: kInvalidArgument, which lists the names.
Result<std::optional<KvType>> find_kv_type(std::string_view name);

const char* kv_type_name(KvType type);  // "f32"

// The keys and values of one head of one layer in a page are one run of head_bytes(), and in it
// those of kBlockPositions are one of block_bytes():
//   kF32, kF16: K [8 octets, head_dim_padded, 8 positions], V [64 positions, head_dim_v_padded]
//   kInt8: scales of K [64] and of V [64] as floats,
//          K [16 quads, head_dim_padded / 4, 4 positions, 4 elements],
//          V [head_dim_v_padded / 4, 16 quads, 4 elements, 4 positions]
// Elements that pad a head are zero.
struct KvLayout {
  KvType type;
  size_t head_dim;    // of keys, ≤ kMaxHeadDim
  size_t head_dim_v;  // of values, ≤ kMaxHeadDim

  size_t head_dim_padded() const { return (head_dim + 7) / 8 * 8; }
  size_t head_dim_v_padded() const { return (head_dim_v + 7) / 8 * 8; }

  size_t element_bytes() const { return type == KvType::kF32 ? 4 : type == KvType::kF16 ? 2 : 1; }
  // Of the scales, which come first.
  size_t k_offset() const {
    return type == KvType::kInt8 ? 2 * kBlockPositions * sizeof(float) : 0;
  }
  size_t v_offset() const {
    return k_offset() + kBlockPositions * head_dim_padded() * element_bytes();
  }
  size_t block_bytes() const {
    return v_offset() + kBlockPositions * head_dim_v_padded() * element_bytes();
  }
  size_t head_bytes() const { return kPagePositions / kBlockPositions * block_bytes(); }
};

// Writes a position's key [head_dim] and value [head_dim_v] into its row of a page, `head` being
// where the run of its head begins. F16 saturates at ±65504.
void kv_store(const KvLayout& layout, uint8_t* head, size_t row, const float* k, const float* v);

// Reads them back, as they were rounded.
void kv_load(const KvLayout& layout, const uint8_t* head, size_t row, float* k, float* v);

// Multiplies x [n] by the symmetric orthonormal Hadamard matrix of the largest power of two that
// divides n, block by block. It is its own inverse.
void hadamard(float* x, size_t n);

}  // namespace pipit
