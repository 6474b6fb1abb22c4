// The generated classes of characters.
#include "tokenizer/unicode.h"

#include <gtest/gtest.h>

#include <array>

namespace pipit {
namespace {

TEST(Unicode, Classes) {
  constexpr auto kOther = CharClass::kOther;
  constexpr auto kLetter = CharClass::kLetter;
  constexpr auto kNumber = CharClass::kNumber;
  constexpr auto kSpace = CharClass::kSpace;
  constexpr auto kMark = CharClass::kMark;
  constexpr auto kPunctuation = CharClass::kPunctuation;
  struct Case {
    const char* name;
    uint32_t code_point;
    CharClass expected;
  };
  const Case cases[] = {
      {"NUL", 0x00, kOther},
      {"backspace", 0x08, kOther},
      {"tab", 0x09, kSpace},
      {"carriage return", 0x0d, kSpace},
      {"unit separator, which Python calls space", 0x1f, kOther},
      {"space", 0x20, kSpace},
      {"/", 0x2f, kPunctuation},
      {"0", 0x30, kNumber},
      {"9", 0x39, kNumber},
      {"@", 0x40, kPunctuation},
      {"A", 0x41, kLetter},
      {"Z", 0x5a, kLetter},
      {"[", 0x5b, kPunctuation},
      {"a", 0x61, kLetter},
      {"z", 0x7a, kLetter},
      {"{", 0x7b, kPunctuation},
      {"|", 0x7c, kOther},
      {"delete", 0x7f, kOther},
      {"next line", 0x85, kSpace},
      {"no-break space", 0xa0, kSpace},
      {"feminine ordinal", 0xaa, kLetter},
      {"superscript two", 0xb2, kNumber},
      {"multiplication sign", 0xd7, kOther},
      {"y with diaeresis", 0xff, kLetter},
      {"combining acute accent", 0x301, kMark},
      {"Arabic-Indic zero", 0x660, kNumber},
      {"Ogham space", 0x1680, kSpace},
      {"Mongolian vowel separator", 0x180e, kOther},
      {"zero width space", 0x200b, kOther},
      {"zero width joiner", 0x200d, kOther},
      {"right single quotation mark", 0x2019, kPunctuation},
      {"line separator", 0x2028, kSpace},
      {"Roman numeral eight", 0x2167, kNumber},
      {"circled one", 0x2460, kNumber},
      {"ideographic space", 0x3000, kSpace},
      {"ideographic zero", 0x3007, kNumber},
      {"CJK", 0x4e2d, kLetter},
      {"Hangul", 0xac00, kLetter},
      {"a surrogate", 0xd800, kOther},
      {"byte order mark", 0xfeff, kOther},
      {"replacement character", 0xfffd, kOther},
      {"emoji", 0x1f600, kOther},
      {"mathematical digit", 0x1d7d8, kNumber},
      {"CJK extension I, new in 15.1", 0x2ebf0, kLetter},
      {"Garay, new in 16.0", 0x10d40, kOther},
      {"the last", 0x10ffff, kOther},
  };
  for (const Case& c : cases) EXPECT_EQ(char_class(c.code_point), c.expected) << c.name;
}

TEST(Unicode, CountsOfUnicode15_1) {
  std::array<int, 6> counts{};
  for (uint32_t c = 0; c <= 0x10ffff; ++c) ++counts[static_cast<size_t>(char_class(c))];
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kLetter)], 136726);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kNumber)], 1831);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kSpace)], 25);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kMark)], 2450);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kPunctuation)], 842);
}

TEST(Unicode, TheQuickWayForAsciiAgreesWithTheTable) {
  const auto boundaries = char_class_boundaries();
  size_t at = 0;
  for (uint32_t c = 0; c < 128; ++c) {
    while (boundaries[at + 1] >> 3 <= c) ++at;
    EXPECT_EQ(char_class(c), static_cast<CharClass>(boundaries[at] & 7u)) << c;
  }
}

}  // namespace
}  // namespace pipit
