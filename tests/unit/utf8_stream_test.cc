// Utf8Stream: however bytes are cut, the same whole characters come out, and each as early as it
// can.
#include "tokenizer/utf8_stream.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "tokenizer/utf8.h"

namespace pipit {
namespace {

// What comes out for `parts`, one after the other, and for the end; "" where a call fails.
std::vector<std::string> stream(const std::vector<std::string>& parts) {
  Utf8Stream utf8;
  std::vector<std::string> out;
  for (const std::string& part : parts) {
    const auto text = utf8.push(part);
    out.emplace_back(text.ok() ? *text : "");
  }
  const auto rest = utf8.flush();
  out.emplace_back(rest.ok() ? *rest : "");
  return out;
}

std::string join(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += part;
  return all;
}

// The text decoded at once.
std::string whole(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Utf8Char c = decode_utf8(bytes);
    text += c.state == Utf8State::kComplete ? bytes.substr(0, c.n_bytes) : kReplacementUtf8;
    bytes.remove_prefix(c.n_bytes);
  }
  return text;
}

constexpr std::string_view kTexts[] = {
    "plain",
    "h\xc3\xa9llo",
    "\xe2\x82\xac",
    "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd",
    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z",
    "\xed\xa0\x80",
    "\xf0\x9f\x98z\x80\xe2\x82",
    "\xf4\x90\x80\x80\xc0\xaf\xe0\x80\xaf",
    "\xe2\x82\xe2\x82\xac\xf0",
};

TEST(Utf8Stream, EverySplitInThreeGivesTheSameText) {
  for (const std::string_view text : kTexts) {
    for (size_t i = 0; i <= text.size(); ++i) {
      for (size_t j = i; j <= text.size(); ++j) {
        const std::vector<std::string> parts = {std::string(text.substr(0, i)),
                                                std::string(text.substr(i, j - i)),
                                                std::string(text.substr(j))};
        const std::vector<std::string> out = stream(parts);
        EXPECT_EQ(join(out), whole(text)) << i << " " << j;
        for (const std::string& part : out) EXPECT_TRUE(is_valid_utf8(part)) << i << " " << j;
      }
    }
  }
}

TEST(Utf8Stream, GivesOutWhatIsCertainAndNoMore) {
  const std::string R(kReplacementUtf8);
  struct Case {
    const char* name;
    std::vector<std::string> parts;
    std::vector<std::string> expected;  // the last is flush's
  };
  const Case cases[] = {
      {"nothing", {}, {""}},
      {"ASCII at once", {"a", "b"}, {"a", "b", ""}},
      {"a character byte by byte",
       {"\xf0", "\x9f", "\x98", "\x80"},
       {"", "", "", "\xf0\x9f\x98\x80", ""}},
      {"the text before half a character", {"ab\xc3", "\xa9z"}, {"ab", "\xc3\xa9z", ""}},
      {"an empty part changes nothing", {"\xc3", "", "\xa9"}, {"", "", "\xc3\xa9", ""}},
      {"an invalid byte at once", {"\xff"}, {R, ""}},
      {"a lone continuation at once", {"\x80"}, {R, ""}},
      {"no overlong form begins so", {"\xe0", "\x80"}, {"", R + R, ""}},
      {"no surrogate either", {"\xed", "\xa0"}, {"", R + R, ""}},
      {"ASCII breaks a character", {"\xe2\x82", "a"}, {"", R + "a", ""}},
      {"a lead breaks a character", {"\xe2\x82", "\xe2", "\x82\xac"}, {"", R, "\xe2\x82\xac", ""}},
      {"the end breaks a character", {"a\xf0\x9f\x98"}, {"a", R}},
  };
  for (const Case& c : cases) EXPECT_EQ(stream(c.parts), c.expected) << c.name;
}

TEST(Utf8Stream, BeginsAnewAfterTheEnd) {
  Utf8Stream utf8;
  EXPECT_EQ(*utf8.push("\xe2\x82"), "");
  EXPECT_EQ(*utf8.flush(), kReplacementUtf8);
  EXPECT_EQ(*utf8.push("\xacz"), std::string(kReplacementUtf8) + "z");
  EXPECT_EQ(*utf8.flush(), "");
}

TEST(Utf8Stream, RandomBytesCutAtRandomPlaces) {
  std::mt19937 random(1);
  constexpr std::string_view kLikely = "a\x80\x9f\xa0\xbf\xc3\xe0\xe2\xed\xf0\xf4\xff";
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> parts(random() % 8);
    for (std::string& part : parts) {
      for (size_t n = random() % 6; n > 0; --n) part += kLikely[random() % kLikely.size()];
    }
    ASSERT_EQ(join(stream(parts)), whole(join(parts))) << round;
  }
}

TEST(Utf8Stream, OutOfMemoryIsAnError) {
  Utf8Stream utf8;
  fail_allocation_after(0);
  const auto text = utf8.push(std::string(1000, 'a'));
  fail_allocation_after(-1);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.status().code(), StatusCode::kOutOfMemory);
}

}  // namespace
}  // namespace pipit
