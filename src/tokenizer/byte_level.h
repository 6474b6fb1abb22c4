// GPT-2's byte-level alphabet: every byte stands in the vocabulary as a printable character. Bytes
// that are printable in Latin-1 stand for themselves; the other 68 are U+0100 to U+0143 in order (a
// space is U+0120, "Ġ").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipit {
namespace byte_level {

inline constexpr bool stands_for_itself(uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

// A byte's character in UTF-8.
struct Utf8 {
  char bytes[2];
  uint8_t n;

  constexpr std::string_view view() const { return {bytes, n}; }
};

inline constexpr auto kCharacters = [] {
  std::array<Utf8, 256> characters{};
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t c = stands_for_itself(byte) ? byte : next++;
    characters[byte] =
        c < 0x80
            ? Utf8{{static_cast<char>(c), 0}, 1}
            : Utf8{{static_cast<char>(0xc0u | c >> 6), static_cast<char>(0x80u | (c & 0x3fu))}, 2};
  }
  return characters;
}();

// kBytes[c] is the byte that U+0100 + c stands for.
inline constexpr auto kBytes = [] {
  std::array<uint8_t, 68> bytes{};
  size_t n = 0;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (!stands_for_itself(byte)) bytes[n++] = static_cast<uint8_t>(byte);
  }
  return bytes;
}();

}  // namespace byte_level

// The UTF-8 of the character that stands for `byte`.
inline constexpr std::string_view byte_to_character(uint8_t byte) {
  return byte_level::kCharacters[byte].view();
}

// The byte that `code_point` stands for, if any.
inline constexpr std::optional<uint8_t> character_to_byte(uint32_t code_point) {
  if (code_point >= 0x100 && code_point < 0x100 + byte_level::kBytes.size()) {
    return byte_level::kBytes[code_point - 0x100];
  }
  if (code_point < 0x100 && byte_level::stands_for_itself(code_point)) {
    return static_cast<uint8_t>(code_point);
  }
  return std::nullopt;
}

}  // namespace pipit
