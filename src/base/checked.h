// Checked 64-bit arithmetic for sizes that come from outside: a file's numbers are never trusted,
// and a Wasm size_t has only 32 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace pipit {

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// `value` rounded up to a multiple of `alignment` (> 0).
inline std::optional<uint64_t> checked_round_up(uint64_t value, uint64_t alignment) {
  const uint64_t remainder = value % alignment;
  return remainder == 0 ? std::optional<uint64_t>(value)
                        : checked_add(value, alignment - remainder);
}

// `value` as a size_t of this machine, if it fits.
inline std::optional<size_t> checked_size(uint64_t value) {
  if (value > std::numeric_limits<size_t>::max()) return std::nullopt;
  return static_cast<size_t>(value);
}

inline constexpr size_t round_up(size_t value, size_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace pipit
