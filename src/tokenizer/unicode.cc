// Look-up in the generated tables, and what needs none.
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
  if (code_point < ' ' || code_point == 0x7f) return CharClass::kControl;
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

// What `code_point` is mapped to by `runs`; itself if it is in none.
uint32_t mapped(std::span<const MappedRun> runs, uint32_t code_point) {
  const MappedRun* next =
      std::upper_bound(runs.data(), runs.data() + runs.size(), code_point << 11 | 0x7ffu,
                       [](uint32_t key, const MappedRun& run) { return key < run.from; });
  if (next == runs.data()) return code_point;
  const auto [from, to] = *(next - 1);
  const uint32_t distance = code_point - (from >> 11);
  const uint32_t last = from & 0x7ffu;
  const uint32_t target = to >> 2;
  switch (static_cast<MappedRun::Pattern>(to & 3u)) {
    case MappedRun::kToOne:
      return distance <= last ? target : code_point;
    case MappedRun::kToRow:
      return distance <= last ? target + distance : code_point;
    case MappedRun::kEveryOther:
      return distance <= 2 * last && distance % 2 == 0 ? target + distance : code_point;
    case MappedRun::kInTurn:
      return distance <= last ? target + 32 * (distance % 2) : code_point;
  }
  return code_point;
}

}  // namespace

CharClass char_class(uint32_t code_point) {
  if (code_point < kAsciiClasses.size()) return kAsciiClasses[code_point];
  const auto boundaries = char_class_boundaries();
  const auto next = std::upper_bound(boundaries.begin(), boundaries.end(), code_point << 3 | 7u);
  return static_cast<CharClass>(*(next - 1) & 7u);
}

uint32_t to_lower(uint32_t code_point) {
  if (code_point >= 'A' && code_point <= 'Z') return code_point + ('a' - 'A');
  return code_point < 0x80 ? code_point : mapped(lower_case_runs(), code_point);
}

uint32_t first_of_nfd(uint32_t code_point) {
  constexpr uint32_t kSyllables = 0xac00;
  constexpr uint32_t kIdeographs = 0xf900;
  constexpr uint32_t kMoreIdeographs = 0x2f800;
  constexpr uint32_t kNumIdeographs = 0xfada - kIdeographs;
  if (code_point < 0xc0) return code_point;
  if (code_point >= kSyllables && code_point <= 0xd7a3) {
    return 0x1100 + (code_point - kSyllables) / (21 * 28);  // vowels and final consonants
  }
  const auto ideographs = ideograph_decompositions();
  if (code_point >= kIdeographs && code_point < kIdeographs + kNumIdeographs) {
    return ideographs[code_point - kIdeographs];
  }
  if (code_point >= kMoreIdeographs && code_point <= 0x2fa1d) {
    return ideographs[code_point - kMoreIdeographs + kNumIdeographs];
  }
  return mapped(decomposition_runs(), code_point);
}

}  // namespace pipit
