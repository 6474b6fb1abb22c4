// Look-up in the generated tables.
#include "tokenizer/unicode.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace pipit {
namespace {

constexpr CharClass ascii_class(uint32_t code_point) {
  constexpr std::string_view kPunctuation = "!\"#%&'()*,-./:;?@[\\]_{}";
  const uint32_t lower = code_point | 0x20u;
  if (lower >= 'a' && lower <= 'z') return CharClass::kLetter;
  if (code_point >= '0' && code_point <= '9') return CharClass::kNumber;
  if (code_point == ' ' || (code_point >= '\t' && code_point <= '\r')) return CharClass::kSpace;
  const bool is_punctuation =
      kPunctuation.find(static_cast<char>(code_point)) < kPunctuation.size();
  return is_punctuation ? CharClass::kPunctuation : CharClass::kOther;
}

// Nearly all of most texts: spares the search.
constexpr auto kAsciiClasses = [] {
  std::array<CharClass, 128> classes{};
  for (uint32_t c = 0; c < classes.size(); ++c) classes[c] = ascii_class(c);
  return classes;
}();

}  // namespace

CharClass char_class(uint32_t code_point) {
  if (code_point < kAsciiClasses.size()) return kAsciiClasses[code_point];
  const auto boundaries = char_class_boundaries();
  const auto next = std::upper_bound(boundaries.begin(), boundaries.end(), code_point << 3 | 7u);
  return static_cast<CharClass>(*(next - 1) & 7u);
}

}  // namespace pipit
