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
  constexpr auto kControl = CharClass::kControl;
  struct Case {
    const char* name;
    uint32_t code_point;
    CharClass expected;
  };
  const Case cases[] = {
      {"NUL", 0x00, kControl},
      {"backspace", 0x08, kControl},
      {"tab", 0x09, kSpace},
      {"carriage return", 0x0d, kSpace},
      {"unit separator, which Python calls space", 0x1f, kControl},
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
      {"delete", 0x7f, kControl},
      {"next line", 0x85, kSpace},
      {"no-break space", 0xa0, kSpace},
      {"feminine ordinal", 0xaa, kLetter},
      {"superscript two", 0xb2, kNumber},
      {"multiplication sign", 0xd7, kOther},
      {"y with diaeresis", 0xff, kLetter},
      {"combining acute accent", 0x301, kMark},
      {"Arabic-Indic zero", 0x660, kNumber},
      {"Ogham space", 0x1680, kSpace},
      {"Mongolian vowel separator", 0x180e, kControl},
      {"zero width space", 0x200b, kControl},
      {"zero width joiner", 0x200d, kControl},
      {"right single quotation mark", 0x2019, kPunctuation},
      {"line separator", 0x2028, kSpace},
      {"Roman numeral eight", 0x2167, kNumber},
      {"circled one", 0x2460, kNumber},
      {"ideographic space", 0x3000, kSpace},
      {"ideographic zero", 0x3007, kNumber},
      {"CJK", 0x4e2d, kLetter},
      {"Hangul", 0xac00, kLetter},
      {"a surrogate", 0xd800, kControl},
      {"byte order mark", 0xfeff, kControl},
      {"replacement character", 0xfffd, kOther},
      {"private use", 0xe000, kControl},
      {"unassigned", 0x378, kOther},
      {"emoji", 0x1f600, kOther},
      {"mathematical digit", 0x1d7d8, kNumber},
      {"CJK extension I, new in 15.1", 0x2ebf0, kLetter},
      {"Garay, new in 16.0", 0x10d40, kOther},
      {"the last", 0x10ffff, kOther},
  };
  for (const Case& c : cases) EXPECT_EQ(char_class(c.code_point), c.expected) << c.name;
}

TEST(Unicode, CountsOfUnicode15_1) {
  std::array<int, 7> counts{};
  for (uint32_t c = 0; c <= 0x10ffff; ++c) ++counts[static_cast<size_t>(char_class(c))];
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kLetter)], 136726);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kNumber)], 1831);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kSpace)], 25);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kMark)], 2450);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kPunctuation)], 842);
  EXPECT_EQ(counts[static_cast<size_t>(CharClass::kControl)], 139745);
}

TEST(Unicode, LowerCaseAndDecomposition) {
  struct Case {
    const char* name;
    uint32_t code_point;
    uint32_t lower;
    uint32_t first;
  };
  const Case cases[] = {
      {"@", '@', '@', '@'},
      {"A", 'A', 'a', 'A'},
      {"Z", 'Z', 'z', 'Z'},
      {"[", '[', '[', '['},
      {"a", 'a', 'a', 'a'},
      {"micro sign", 0xb5, 0xb5, 0xb5},
      {"A with grave", 0xc0, 0xe0, 'A'},
      {"AE", 0xc6, 0xe6, 0xc6},
      {"multiplication sign", 0xd7, 0xd7, 0xd7},
      {"sharp s", 0xdf, 0xdf, 0xdf},
      {"A with macron", 0x100, 0x101, 'A'},
      {"a with macron", 0x101, 0x101, 'a'},
      {"I with dot above", 0x130, 'i', 'I'},
      {"K with cedilla", 0x136, 0x137, 'K'},
      {"kra", 0x138, 0x138, 0x138},
      {"Y with diaeresis", 0x178, 0xff, 'Y'},
      {"DZ with caron", 0x1c4, 0x1c6, 0x1c4},
      {"combining Greek dialytika tonos", 0x344, 0x344, 0x308},
      {"Greek question mark", 0x37e, 0x37e, ';'},
      {"Alpha with tonos", 0x386, 0x3ac, 0x391},
      {"Sigma", 0x3a3, 0x3c3, 0x3a3},
      {"final sigma", 0x3c2, 0x3c2, 0x3c2},
      {"short I", 0x419, 0x439, 0x418},
      {"Cherokee A", 0x13a0, 0xab70, 0x13a0},
      {"A with circumflex and acute", 0x1ea4, 0x1ea5, 'A'},
      {"capital sharp s", 0x1e9e, 0xdf, 0x1e9e},
      {"Ohm sign", 0x2126, 0x3c9, 0x3a9},
      {"Roman numeral one", 0x2160, 0x2170, 0x2160},
      {"not equal", 0x2260, 0x2260, '='},
      {"ga", 0x304c, 0x304c, 0x304b},
      {"the first Hangul syllable", 0xac00, 0xac00, 0x1100},
      {"the last one", 0xd7a3, 0xd7a3, 0x1112},
      {"the first compatibility ideograph", 0xf900, 0xf900, 0x8c48},
      {"one that is its own", 0xfa0e, 0xfa0e, 0xfa0e},
      {"the last of the first block", 0xfad9, 0xfad9, 0x9f8e},
      {"Hebrew yod with hiriq", 0xfb1d, 0xfb1d, 0x5d9},
      {"fullwidth A", 0xff21, 0xff41, 0xff21},
      {"Deseret long I", 0x10400, 0x10428, 0x10400},
      {"the first of the second block", 0x2f800, 0x2f800, 0x4e3d},
      {"the last of the second block", 0x2fa1d, 0x2fa1d, 0x2a600},
      {"the last", 0x10ffff, 0x10ffff, 0x10ffff},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(to_lower(c.code_point), c.lower) << c.name;
    EXPECT_EQ(first_of_nfd(c.code_point), c.first) << c.name;
  }
}

// Of all code points together, as Python's unicodedata 15.1.0 has them.
TEST(Unicode, EveryLowerCaseAndDecomposition) {
  uint32_t n_lower = 0;
  uint32_t n_first = 0;
  uint32_t lower_hash = 0;
  uint32_t first_hash = 0;
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    n_lower += to_lower(c) != c ? 1 : 0;
    n_first += first_of_nfd(c) != c ? 1 : 0;
    lower_hash = lower_hash * 31 + to_lower(c);
    first_hash = first_hash * 31 + first_of_nfd(c);
  }
  EXPECT_EQ(n_lower, 1433);
  EXPECT_EQ(n_first, 13233);
  EXPECT_EQ(lower_hash, 0x417a5290);
  EXPECT_EQ(first_hash, 0xde2b6112);
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
