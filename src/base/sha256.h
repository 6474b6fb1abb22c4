// SHA-256 of bytes that come in pieces: what tells whether a downloaded file is the one that was
// expected.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pipit {

// FIPS 180-4.
class Sha256 {
 public:
  void update(std::span<const uint8_t> bytes);

  // Of all bytes; afterwards the object is of no further use.
  std::array<uint8_t, 32> digest();

 private:
  static constexpr size_t kBlockBytes = 64;

  void compress(const uint8_t* block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, kBlockBytes> block_ = {};  // the first n_bytes_ % kBlockBytes wait
  uint64_t n_bytes_ = 0;
};

}  // namespace pipit
