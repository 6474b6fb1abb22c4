// The UTF-8 decoder: every character, and all ways to be none.
#include "tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pipit {
namespace {

// By the definition, without a look at the decoder.
std::string encode(uint32_t c) {
  const auto byte = [](uint32_t b) { return static_cast<char>(b); };
  const auto tail = [&](int shift) { return byte(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000) return {byte(0xe0 | c >> 12), tail(6), tail(0)};
  return {byte(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

std::string replaced(std::string_view text) {
  Array<char> out;
  const auto n_used = append_valid_utf8(text, out);
  if (!n_used.ok()) return "no memory";
  std::string valid(out.data(), out.size());
  if (*n_used < text.size()) valid += "|";  // where an incomplete character is left over
  return valid;
}

TEST(Utf8, DecodesEveryCharacterAndNoSurrogate) {
  for (uint32_t c = 0; c <= 0x10ffff; ++c) {
    const std::string bytes = encode(c);
    const Utf8Char decoded = decode_utf8(bytes + "x");
    const bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
    ASSERT_EQ(decoded.state == Utf8State::kComplete, !is_surrogate) << c;
    ASSERT_EQ(decoded.code_point, is_surrogate ? kReplacementCharacter : c);
    ASSERT_EQ(decoded.n_bytes, is_surrogate ? 1 : bytes.size()) << c;
    ASSERT_EQ(is_valid_utf8(bytes), !is_surrogate) << c;
    Array<char> appended;
    ASSERT_TRUE(append_utf8(c, appended).ok());
    ASSERT_EQ(std::string_view(appended.data(), appended.size()), bytes) << c;
  }
}

TEST(Utf8, WhatIsNoCharacterBecomesOneReplacementForEachMaximalSubpart) {
  struct Case {
    const char* name;
    std::string_view bytes;
    std::string_view expected;  // R: U+FFFD, |: the rest is incomplete
  };
  const Case cases[] = {
      {"nothing", "", ""},
      {"ASCII", "abc", "abc"},
      {"a continuation alone", "a\x80z", "aRz"},
      {"continuations alone", "\x80\xbf", "RR"},
      {"bytes that never occur", "\xc0\xc1\xf5\xff", "RRRR"},
      {"overlong, two bytes", "\xc0\x80", "RR"},
      {"overlong, three bytes", "\xe0\x80\x80", "RRR"},
      {"overlong, three bytes, the last", "\xe0\x9f\xbf", "RRR"},
      {"overlong, four bytes", "\xf0\x80\x80\x80", "RRRR"},
      {"overlong, four bytes, the last", "\xf0\x8f\xbf\xbf", "RRRR"},
      {"the first surrogate", "\xed\xa0\x80", "RRR"},
      {"the last surrogate", "\xed\xbf\xbf", "RRR"},
      {"a pair of surrogates", "\xed\xa0\xbd\xed\xb8\x80", "RRRRRR"},
      {"beyond U+10FFFF", "\xf4\x90\x80\x80", "RRRR"},
      {"five bytes", "\xf8\x88\x80\x80\x80", "RRRRR"},
      {"two bytes, cut", "\xc3z", "Rz"},
      {"three bytes, cut after one", "\xe2z", "Rz"},
      {"three bytes, cut after two", "\xe2\x82z", "Rz"},
      {"four bytes, cut after one", "\xf0z", "Rz"},
      {"four bytes, cut after two", "\xf0\x9fz", "Rz"},
      {"four bytes, cut after three", "\xf0\x9f\x98z", "Rz"},
      {"a lead after a cut character", "\xe2\x82\xe2\x82\xac", "R\xe2\x82\xac"},
      {"a cut character twice", "\xf0\x9f\x98\xf0\x9f\x98z", "RRz"},
      {"the standard's example", "\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64",
       "aRRRbRcRRd"},
      {"incomplete, one of two", "a\xc3", "a|"},
      {"incomplete, two of three", "a\xe2\x82", "a|"},
      {"incomplete, three of four", "a\xf0\x9f\x98", "a|"},
      {"invalid, then incomplete", "\x80\xf0\x9f", "R|"},
      {"a zero byte", std::string_view("a\0b", 3), std::string_view("a\0b", 3)},
      {"a byte order mark stays", "\xef\xbb\xbfz", "\xef\xbb\xbfz"},
  };
  for (const Case& c : cases) {
    std::string expected;
    for (const char byte : c.expected) {
      if (byte == 'R') {
        expected += kReplacementUtf8;
      } else {
        expected += byte;
      }
    }
    EXPECT_EQ(replaced(c.bytes), expected) << c.name;
    EXPECT_EQ(is_valid_utf8(c.bytes), expected == c.bytes) << c.name;
  }
}

}  // namespace
}  // namespace pipit
